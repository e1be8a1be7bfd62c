"""Commands beside a change of the index key: what they say to do next, and that they write under no wrong key."""

import pytest
from sqlalchemy import func, select

from chassis.db import Database
from svc_identity import index_rotation
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator
from svc_identity.people.factors.enrolment import issue
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import person_of_phone
from svc_identity.settings import Settings
from svc_identity.vault.reindexing import KeyMissing, require_keys
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.vault.rotation.index_keys import listing, new_key


async def registered(database: Database) -> None:
    await require_keys(database)
    async with database.transaction() as tx:
        await person_of_phone(tx, normalise_phone(new_phone()))


async def test_a_command_writes_nothing_under_a_key_that_would_make_people_twice(
    database: Database, settings: Settings, old: str
) -> None:
    await registered(database)
    wrong, phone = listing(settings, new_key()), normalise_phone(new_phone())
    with pytest.raises(KeyMissing, match="MYILI_BLIND_INDEX_KEYS does not list"):
        await grant_operator(wrong, phone)
    with pytest.raises(KeyMissing):
        await issue(wrong, phone, "a test")
    for command in ("run", "forget"):
        with pytest.raises(KeyMissing):
            await index_rotation.main(wrong, command)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Person)) == 1
    assert "operator" in await grant_operator(listing(settings, old), phone, "a test")


async def test_status_says_the_next_step(
    database: Database, settings: Settings, old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await registered(database)
    new = new_key()

    async def said(*keys: str, command: str = "status") -> tuple[int, str]:
        code = await index_rotation.main(listing(settings, *keys), command)
        return code, capsys.readouterr().out.splitlines()[-1]

    assert await said(old) == (0, "Only this key is in use.")
    code, sentence = await said(old, new)
    assert (code, "If" in sentence, "is the new key, list it first" in sentence) == (0, True, True)
    code, sentence = await said(new, old)
    assert (code, "keep these" in sentence) == (1, True)
    code, sentence = await said(new)
    assert (code, "does not list" in sentence) == (1, True)
    code, sentence = await said(new, old, command="run")
    assert (code, "if it is the old one, it can go" in sentence) == (0, True)
    assert await said(new) == (0, "Only this key is in use.")
