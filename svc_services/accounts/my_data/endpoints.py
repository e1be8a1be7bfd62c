from fastapi import APIRouter

from chassis.db import ReadTx
from kit.my_data import TICKET_RULE, MyData, PersonOfTicket, records
from svc_services.accounts.bindings.models import AccountBinding

router = APIRouter(prefix="/services/v1", tags=["account bindings"])


@router.get("/my-data", dependencies=[TICKET_RULE])
async def get_my_data(tx: ReadTx, person_id: PersonOfTicket) -> MyData:
    """Get what svc_services holds of the person of a ticket; the gateway puts it into the file."""
    mine = await records(tx, AccountBinding, AccountBinding.person_id == person_id, without=("request_id",))
    return MyData(service="services", kinds={"account_bindings": mine})
