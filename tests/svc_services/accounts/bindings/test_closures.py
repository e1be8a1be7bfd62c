"""When a person closes their account, their bindings end and the account numbers are erased."""

from pathlib import Path
from uuid import UUID

from sqlalchemy import select, text

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import emitted
from svc_services.accounts.bindings.consumers import HANDLERS
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.trail import COMMAND
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind
from tests.tampering.trial import Proof


async def close(database: Database, person: UUID) -> None:
    handler = HANDLERS[-1]
    event = Received(new_id(), handler.event_type, now(), handler.data.model_validate({"person_id": person}))
    async with database.transaction() as tx:
        await handler.handle(tx, event)


async def test_bindings_end_and_their_numbers_are_nowhere(
    database: Database, bind: Bind, person_id: UUID, tmp_path: Path
) -> None:
    assert (await bind()).is_success
    for _ in range(2):  # the event comes twice
        await close(database, person_id)
    async with database.read() as tx:
        (binding,) = (await tx.scalars(select(AccountBinding).where(AccountBinding.person_id == person_id))).all()
        ended = [each for each in await emitted(tx) if each.type.endswith("account_binding.ended.v1")]
        of_number = text(
            "SELECT table_name FROM audit_seals WHERE content::text LIKE :number AND table_name = 'account_bindings'"
        )
        sealed = (await tx.scalars(of_number, {"number": f"%{ACCOUNT}%"})).all()
    assert (binding.status, binding.account_number, binding.held_until) == ("ended", "", None)
    assert [each.data["account_number"] for each in ended if each.data["person_id"] == str(person_id)] == [ACCOUNT]
    assert sealed == []
    assert await Proof(COMMAND, (tmp_path / "anchors").as_uri()).findings(database) == []
