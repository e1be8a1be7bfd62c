"""What this service holds of one person, for the file that they get of everything."""

from fastapi import APIRouter

from chassis.db import ReadTx
from kit.my_data import TICKET_RULE, MyData, PersonOfTicket, records
from svc_miniapps.insights.ratings.models import AppRating, AppRatingReport
from svc_miniapps.insights.recent.models import RecentApp, RecentChoice
from svc_miniapps.publishing.complaints.models import AppComplaint
from svc_miniapps.publishing.testers.models import Tester, Trial
from svc_miniapps.runtime.messages.models import AppMessage
from svc_miniapps.runtime.subscriptions.models import MessageConsent, Subscriber

router = APIRouter(prefix="/miniapps/v1", tags=["recently used"])


@router.get("/my-data", dependencies=[TICKET_RULE])
async def get_my_data(tx: ReadTx, person_id: PersonOfTicket) -> MyData:
    """Get what svc_miniapps holds of the person of a ticket; the gateway puts it into the file."""
    ratings = await records(tx, AppRating, AppRating.person_id == person_id, without=("salt", "hidden_by", "shown_by"))
    complaints = await records(
        tx, AppComplaint, AppComplaint.person_id == person_id, without=("salt", "answered_by", "decided_by")
    )
    kinds = {
        "recent_apps": await records(tx, RecentApp, RecentApp.person_id == person_id),
        "recent_apps_switched_off": await records(tx, RecentChoice, RecentChoice.person_id == person_id),
        "app_ratings": ratings,
        "app_rating_reports": await records(tx, AppRatingReport, AppRatingReport.reported_by == person_id),
        "app_complaints": complaints,
        "message_subscriptions": await records(tx, Subscriber, Subscriber.person_id == person_id),
        "message_consents": await records(tx, MessageConsent, MessageConsent.person_id == person_id),
        "messages": await records(tx, AppMessage, AppMessage.person_id == person_id),
        "testers": await records(tx, Tester, Tester.person_id == person_id, without=("named_by",)),
        "trials": await records(tx, Trial, Trial.person_id == person_id, without=("created_by",)),
    }
    return MyData(service="miniapps", kinds=kinds)
