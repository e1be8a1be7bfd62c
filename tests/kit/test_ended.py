"""What has ended before its tokens is refused, in whatever order its events come, and is forgotten in time."""

import asyncio
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from chassis.auth import Caller
from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import until
from kit.ended import admission
from kit.ended.admission import AccessEnded, EndedAccess, refusing_ended
from kit.ended.consumers import HANDLERS, forget_expired
from kit.ended.models import ended_access

MINUTE = timedelta(minutes=1)


def caller(**changes: Any) -> Caller:  # noqa: ANN401 - fields
    usual: dict[str, Any] = {"subject": str(new_id()), "kind": "person", "client_id": "app", "sid": str(new_id())}
    return Caller(**usual | changes, scopes=frozenset(), assurance_level=1, memberships=())


async def tell(database: Database, what: str, **data: object) -> None:
    (handler,) = [each for each in HANDLERS if each.event_type == f"cn.ili.identity.{what}.v1"]
    async with database.transaction() as tx:
        event = Received(new_id(), handler.event_type, now(), handler.data.model_validate(data))
        await handler.handle(tx, event)


async def is_refused(database: Database, given: Caller) -> bool:
    """As a process would that reads the table now."""
    try:
        await EndedAccess().require_in_force(database, given)
    except AccessEnded as refused:
        return (refused.status, refused.code) == (401, "token_invalid")
    return False


async def test_the_tokens_of_an_ended_sign_in_are_refused_until_they_have_expired(database: Database) -> None:
    given, other = caller(), caller()
    await tell(database, "sign_in.ended", sign_in_id=given.sid, tokens_expire_at=now() + MINUTE)
    assert await is_refused(database, given)
    assert not await is_refused(database, other)
    assert not await is_refused(database, caller(subject=given.subject))
    await tell(database, "sign_in.ended", sign_in_id=other.sid, tokens_expire_at=now() - MINUTE)
    assert not await is_refused(database, other)
    await forget_expired(database)
    async with database.read() as tx:
        assert list(await tx.scalars(select(ended_access.c.subject))) == [given.sid]


async def test_the_tokens_of_an_ended_authority_are_refused_and_their_actors_own_are_not(database: Database) -> None:
    acting = {"kind": "organisation", "actor": str(new_id()), "authority": str(new_id())}
    given, other = caller(**acting), caller(**acting | {"authority": str(new_id())})
    await tell(database, "authority.ended", authority_id=given.authority, tokens_expire_at=now() + MINUTE)
    assert await is_refused(database, given)
    assert not await is_refused(database, other)
    assert not await is_refused(database, caller(subject=given.actor))
    await tell(database, "authority.ended", authority_id=other.authority, tokens_expire_at=now() - MINUTE)
    await forget_expired(database)
    async with database.read() as tx:
        assert list(await tx.scalars(select(ended_access.c.subject))) == [given.authority]


async def test_a_suspended_person_acts_for_nobody(database: Database) -> None:
    given = caller(kind="organisation", actor=str(new_id()), authority=str(new_id()))
    await tell(database, "person.suspended", person_id=given.actor, revision=1)
    assert await is_refused(database, given)


@pytest.mark.parametrize("kind", ["person", "client"])
async def test_a_standing_is_that_of_the_newest_event_in_whatever_order_they_come(
    database: Database, kind: str
) -> None:
    steps = [("suspended", 1), ("resumed", 2), ("suspended", 3), ("resumed", 4)]
    for count, refused in ((1, True), (2, False), (3, True), (4, False)):
        for order in permutations(steps[:count]):
            subject = str(new_id())
            for step, revision in (*order, order[0]):
                await tell(database, f"{kind}.{step}", **{f"{kind}_id": subject}, revision=revision)
            await forget_expired(database)
            given = caller(subject=subject) if kind == "person" else caller(client_id=subject)
            assert await is_refused(database, given) is refused, order


async def test_a_suspended_app_loses_the_tokens_of_its_people_and_a_system_its_own(database: Database) -> None:
    await tell(database, "client.suspended", client_id="app", revision=1)
    assert await is_refused(database, caller())
    assert await is_refused(database, caller(subject="app", kind="client", sid=None))
    assert not await is_refused(database, caller(client_id="other"))


async def test_a_client_whose_id_is_that_of_a_person_is_not_suspended_with_them(database: Database) -> None:
    person_id = str(new_id())
    await tell(database, "person.suspended", person_id=person_id, revision=1)
    assert not await is_refused(database, caller(subject=person_id, client_id=person_id, kind="client", sid=None))


async def test_requests_read_the_table_once_a_second_at_most(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    read = Database.read

    def counted(self: Database) -> Any:  # noqa: ANN401 - a context manager
        nonlocal reads
        reads += 1
        return read(self)

    monkeypatch.setattr(Database, "read", counted)
    ended, given = EndedAccess(), caller()
    for _ in range(3):
        await asyncio.gather(*(ended.require_in_force(database, given) for _ in range(50)))
    assert reads == 1
    await tell(database, "sign_in.ended", sign_in_id=given.sid, tokens_expire_at=now() + MINUTE)

    async def refused() -> bool:
        try:
            await ended.require_in_force(database, given)
        except AccessEnded:
            return True
        return False

    await until(refused, seconds=2 * admission.FRESH_SECONDS)
    assert reads == 2


async def test_a_copy_that_cannot_be_read_anew_lets_nobody_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = EndedAccess()
    await ended.require_in_force(database, caller())
    monkeypatch.setattr(admission, "FRESH_SECONDS", 0.0)
    away = Database(database.engine.url.set(port=1))
    with pytest.raises(OSError):  # noqa: PT011 - whatever the connection raises; the service answers 503
        await ended.require_in_force(away, caller())
    await away.close()


async def test_a_refusal_that_says_more_comes_first(database: Database) -> None:
    class SaysMoreError(Exception): ...

    async def admit(_database: Database, _caller: Caller) -> Caller:
        raise SaysMoreError

    await tell(database, "client.suspended", client_id="app", revision=1)
    with pytest.raises(SaysMoreError):
        await refusing_ended(admit)(database, caller())


async def test_the_copy_costs_microseconds_where_much_has_ended(database: Database) -> None:
    rows = [
        {"kind": "sign_in", "subject": str(new_id()), "revision": 1, "ended_until": now() + MINUTE}
        for _ in range(10_000)
    ]
    async with database.transaction() as tx:
        await tx.execute(insert(ended_access), rows)
        assert await tx.scalar(select(func.count()).select_from(ended_access)) == len(rows)
    ended, given = EndedAccess(), caller()
    await ended.require_in_force(database, given)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(1_000):
        await ended.require_in_force(database, given)
    await asyncio.sleep(0)
    assert loop.time() - begun < 0.1
