"""One value has a form under each key, and all of them are equal."""

from collections.abc import Iterator

import pytest
from sqlalchemy import LargeBinary, select

from svc_identity.base import Base
from svc_identity.people.persons.models import Person
from svc_identity.settings import Settings
from svc_identity.vault.blind_indexes import BlindIndex, blind_index, known_keys, lock_of
from svc_identity.vault.encryption import use_keys_of
from svc_identity.vault.tables import columns_of_type
from tests.svc_identity.vault.rotation.index_keys import listing, new_key

PLACE, PHONE = "persons.phone", "+8613800000000"


@pytest.fixture
def keys_of(settings: Settings) -> Iterator[Settings]:
    """The keys of the other tests come back."""
    yield settings
    use_keys_of(settings)


async def test_an_index_equals_its_forms_under_all_keys(keys_of: Settings) -> None:
    old, new = keys_of.index_key.get_secret_value(), new_key()
    first = bytes(blind_index(PLACE, PHONE))
    assert len(first) == 32
    use_keys_of(listing(keys_of, new, old))
    both = blind_index(PLACE, PHONE)
    assert bytes(both) == known_keys()[0].id + bytes(both)[4:]
    assert both == first
    assert first == both
    assert not first != both  # noqa: SIM202 - what is tried is the operator
    assert both != blind_index(PLACE, "+8613800000001")
    assert first != bytes(both)
    assert (first, 1) == (both, 1)


async def test_processes_with_another_first_key_wait_for_the_same_lock(keys_of: Settings) -> None:
    old, new = keys_of.index_key.get_secret_value(), new_key()
    use_keys_of(listing(keys_of, old, new))
    before = blind_index(PLACE, PHONE)
    use_keys_of(listing(keys_of, new, old))
    after = blind_index(PLACE, PHONE)
    assert bytes(before) != bytes(after)
    assert lock_of(before) == lock_of(after)


async def test_a_lookup_asks_for_every_form(keys_of: Settings) -> None:
    old, new = keys_of.index_key.get_secret_value(), new_key()
    use_keys_of(listing(keys_of, new, old))
    index = blind_index(PLACE, PHONE)
    equal = select(Person.id).where(Person.phone_index == index).compile()
    assert " IN " in str(equal)
    assert set(equal.params["phone_index_1"]) == {bytes(index), *index.others}
    assert "NOT IN" in str(select(Person.id).where(Person.phone_index != index))
    assert " = " in str(select(Person.id).where(Person.phone_index == bytes(index)))


def test_every_column_of_indexes_takes_part_in_a_change_of_keys() -> None:
    """A column that is none of these is found under the old key only, and its rows are lost with it."""
    taking_part = {f"{table.name}.{column.name}" for table, column in columns_of_type(BlindIndex)}
    named = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_index") and isinstance(column.type, LargeBinary | BlindIndex)
    }
    by_random_code = {"device_authorizations.user_code_index"}
    assert named - by_random_code <= taking_part
    assert taking_part - named == {"wrong_user_codes.source"}
