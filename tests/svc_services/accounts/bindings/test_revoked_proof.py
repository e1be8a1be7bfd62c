"""Whoever has lost an ID number to its owner keeps no account that was bound by that name."""

from uuid import UUID

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from svc_services.accounts.bindings.consumers import HANDLERS, ProofingRevoked
from tests.svc_services.accounts.bindings.conftest import Bind
from tests.svc_services.accounts.bindings.stored import binding_events, bindings_in

ENDED = "cn.ili.services.account_binding.ended.v1"


async def revoke(database: Database, person_id: UUID) -> None:
    handler = HANDLERS[0]
    event = Received(new_id(), handler.event_type, now(), ProofingRevoked(person_id=person_id))
    async with database.transaction() as tx:
        await handler.handle(tx, event)


async def test_a_revoked_proof_ends_the_bindings_of_its_person_only(
    database: Database, bind: Bind, person_id: UUID
) -> None:
    bound = (await bind()).json()
    await revoke(database, new_id())
    assert [each.status for each in await bindings_in(database)] == ["active"]
    for _ in range(2):
        await revoke(database, person_id)
        assert [each.status for each in await bindings_in(database)] == ["ended"]
    ended = [event for event in await binding_events(database) if event.type == ENDED]
    assert [event.key for event in ended] == [bound["binding_id"]]
