from fastapi import APIRouter

from chassis.db import ReadTx
from kit.my_data import TICKET_RULE, MyData, PersonOfTicket, records
from svc_miniapps.publishing.testers.models import Tester, Trial

router = APIRouter(prefix="/miniapps/v1", tags=["testers"])


@router.get("/my-data", dependencies=[TICKET_RULE])
async def get_my_data(tx: ReadTx, person_id: PersonOfTicket) -> MyData:
    """Get what svc_miniapps holds of the person of a ticket; the gateway puts it into the file."""
    testers = await records(tx, Tester, Tester.person_id == person_id, without=("named_by",))
    trials = await records(tx, Trial, Trial.person_id == person_id, without=("created_by",))
    return MyData(service="miniapps", kinds={"testers": testers, "trials": trials})
