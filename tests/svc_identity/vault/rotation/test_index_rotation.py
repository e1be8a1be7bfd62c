"""A new index key takes over while people sign in, and the old one can go."""

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest
import time_machine
from sqlalchemy import delete, func, select, text

from chassis.db import Database
from svc_identity import index_rotation
from svc_identity.fields import normalise_phone
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import person_of_phone, phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.models import KnownDevice, SentCode
from svc_identity.vault.encryption import use_keys_of
from svc_identity.vault.needed_keys import end_without_keys
from svc_identity.vault.reindexing import KeyMissing, require_keys, stored
from tests.svc_identity.conftest import NewAppClient, new_phone, running
from tests.svc_identity.people.families.relatives import Relative, accepted, proposed, relative
from tests.svc_identity.people.proofing.proofs import prove, refusal
from tests.svc_identity.vault.rotation.index_keys import listing, new_key, register_in_processes
from tests.svc_identity.verifications.conftest import Capture, verify
from tests.svc_identity.verifications.conftest import Person as Resident


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(index_rotation, "BATCH", 2)
    return iter([None])


async def old_ones(database: Database) -> dict[str, int]:
    return {each.place: each.values for each in await stored(database) if not each.is_current}


async def forget_limits(database: Database) -> None:
    """A day later: what limits count is over."""
    async with database.transaction() as tx:
        await tx.execute(delete(SentCode))
        await tx.execute(text("UPDATE proofing_attempts SET id_number_index = ''"))


async def test_everybody_is_found_before_while_and_after_the_key_changes(
    database: Database, settings: Settings, old: str, person: Resident, capture: Capture
) -> None:
    new, me = new_key(), await person.me()
    await verify(person, capture, person.id_number)
    for minutes, keys in enumerate([(old, new), (new, old)], 2):
        use_keys_of(listing(settings, *keys))
        with time_machine.travel(time.time() + 61 * minutes):
            await person.client.tokens(person.phone)
        again = await person.me()
        assert (again["person_id"], again["assurance_level"]) == (me["person_id"], 3)
    assert await index_rotation.reindex(database) > 0
    await forget_limits(database)
    assert await old_ones(database) == {}
    use_keys_of(listing(settings, new))  # the old key is gone
    with time_machine.travel(time.time() + 300):
        await person.client.tokens(person.phone)
    again = await person.me()
    assert (again["person_id"], again["assurance_level"]) == (me["person_id"], 3)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(KnownDevice)) == 1
        assert await tx.scalar(select(func.count()).select_from(Person)) == 1


async def test_a_number_proved_under_the_old_key_is_taken_under_the_new_one(
    database: Database, settings: Settings, old: str, person: Resident, new_app_client: NewAppClient
) -> None:
    new = new_key()
    use_keys_of(listing(settings, new, old))
    stranger = new_app_client()
    tokens = await stranger.tokens(new_phone())
    answer = await prove(stranger.api, tokens, number=person.id_number)
    assert refusal(answer) == (409, "id_number_taken")
    await index_rotation.reindex(database)
    use_keys_of(listing(settings, new))
    answer = await prove(stranger.api, tokens, number=person.id_number)
    assert refusal(answer) == (409, "id_number_taken")
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).where(Person.id_number_index.is_not(None))) == 1


async def test_processes_with_either_key_first_register_one_person_for_a_phone(
    database: Database, settings: Settings, old: str
) -> None:
    new, phones = new_key(), [normalise_phone(new_phone()) for _ in range(30)]
    for phone in phones[:10]:
        async with database.transaction() as tx:
            await person_of_phone(tx, phone)
    first, second = await register_in_processes([listing(settings, new, old), listing(settings, old, new)], phones)
    assert first == second
    assert len(set(first)) == 30
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Person)) == 30


async def test_two_workers_at_once_and_sign_ins_beside_them_leave_one_form_of_each_value(
    database: Database, settings: Settings, old: str
) -> None:
    new, phones = new_key(), [normalise_phone(new_phone()) for _ in range(20)]
    for phone in phones:
        async with database.transaction() as tx:
            await person_of_phone(tx, phone)
    use_keys_of(listing(settings, new, old))
    orders = [listing(settings, new, old), listing(settings, old, new)]
    registered = asyncio.create_task(register_in_processes(orders, phones))
    await asyncio.gather(*(index_rotation.reindex(database) for _ in range(2)))
    first, second = await registered
    assert first == second
    assert len(set(first)) == 20
    await index_rotation.reindex(database)
    assert await old_ones(database) == {}
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Person)) == 20
        for phone in phones:
            assert await tx.scalar(select(Person.id).where(Person.phone_index == bytes(phone_index(phone))))


async def test_a_row_in_other_hands_is_left_for_the_next_turn(database: Database, settings: Settings, old: str) -> None:
    async with database.transaction() as tx:
        held = await person_of_phone(tx, normalise_phone(new_phone()))
    use_keys_of(listing(settings, new_key(), old))
    async with database.transaction() as tx:
        await tx.execute(select(Person.id).where(Person.id == held.id).with_for_update())
        assert await index_rotation.reindex(database) == 0
    assert await old_ones(database) == {"persons.phone_index": 1}
    assert await index_rotation.reindex(database) == 1
    assert await old_ones(database) == {}


async def test_family_accounts_follow_their_helper_and_proposals_can_be_given_up(
    database: Database, settings: Settings, old: str, new_app_client: NewAppClient
) -> None:
    elder = await relative(new_app_client, "王大爷")
    helper, waiting = await relative(new_app_client, "王小明"), await relative(new_app_client, "王小红")
    await accepted(elder, helper)
    open_one = await proposed(elder, waiting)
    nobody = Relative(new_app_client(), "王小刚", new_phone())
    await proposed(elder, nobody)
    new = new_key()
    use_keys_of(listing(settings, new, old))
    await index_rotation.reindex(database)
    await forget_limits(database)
    assert await old_ones(database) == {"family_accounts.phone_index": 1, "family_accounts.name_index": 1}
    await index_rotation.forget_proposals(database)
    assert await old_ones(database) == {}
    use_keys_of(listing(settings, new))
    assert (await waiting.step(open_one, "accept")).status_code == 200
    assert refusal(await elder.propose(helper)) == (409, "family_account_exists")
    assert {each["status"] for each in await elder.listed()} == {"active", "proposed"}


async def test_a_process_without_a_key_that_rows_need_does_not_start(
    database: Database, settings: Settings, old: str, person: Resident
) -> None:
    new = new_key()
    for keys, missing in (((new,), True), ((old, new), False), ((new, old), False), ((new,), True), ((old,), True)):
        changed = listing(settings, *keys)
        if not missing:
            async with running(changed):
                continue
        with pytest.raises(KeyMissing, match="MYILI_BLIND_INDEX_KEYS does not list"):
            async with running(changed):
                pass
    use_keys_of(listing(settings, new, old))
    await forget_limits(database)
    while await old_ones(database):
        await index_rotation.rotate_indexes(database)
    await index_rotation.rotate_indexes(database)
    use_keys_of(listing(settings, new))
    await require_keys(database)
    with pytest.raises(KeyMissing):
        async with running(settings):
            pass
    assert person.id_number


async def test_a_process_that_could_not_look_ends_when_a_key_is_missing(database: Database, settings: Settings) -> None:
    await require_keys(database)
    ended = asyncio.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        use_keys_of(listing(settings, new_key()))
        await asyncio.wait_for(end_without_keys(database), 10)
        assert ended.is_set()
    finally:
        signal.signal(signal.SIGTERM, before)
        use_keys_of(settings)
