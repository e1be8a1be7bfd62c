from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import ReadTx
from kit.my_data import TICKET_RULE, MyData, PersonOfTicket, records
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.accounts.invitations.models import AccountInvitation
from svc_services.accounts.readings.models import MeterReading

router = APIRouter(prefix="/services/v1", tags=["account bindings"])


Records = dict[str, list[dict[str, Any]]]
OwnRecords = Sequence[Callable[[AsyncSession, UUID], Awaitable[Records]]]


async def _own_records(request: Request) -> OwnRecords:
    """The records of rooms above this one."""
    others: OwnRecords = request.app.state.own_records
    return others


@router.get("/my-data", dependencies=[TICKET_RULE])
async def get_my_data(
    tx: ReadTx, person_id: PersonOfTicket, others: Annotated[OwnRecords, Depends(_own_records)]
) -> MyData:
    """Get what svc_services holds of the person of a ticket; the gateway puts it into the file."""
    mine = await records(tx, AccountBinding, AccountBinding.person_id == person_id, without=("request_id",))
    own = select(AccountBinding.id).where(AccountBinding.person_id == person_id)
    invited = await records(tx, AccountInvitation, AccountInvitation.binding_id.in_(own))
    readings = await records(tx, MeterReading, MeterReading.binding_id.in_(own))
    kinds: Records = {"account_bindings": mine, "account_invitations": invited, "meter_readings": readings}
    for records_of in others:
        kinds |= await records_of(tx, person_id)
    return MyData(service="services", kinds=kinds)
