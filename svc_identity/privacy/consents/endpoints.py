from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.people.consents.activities import RECORDS
from svc_identity.people.consents.models import Consent
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.privacy.consents import schemas, service

router = APIRouter(prefix="/identity/v1", tags=["my data"])


@router.get("/processing-activities", dependencies=[Depends(anyone(because="people read it before they register"))])
async def list_processing_activities() -> schemas.ProcessingActivities:
    """List what personal information is processed for, on which ground, and how long it is kept."""
    items = [
        schemas.ProcessingActivity(
            activity=activity,
            ground=record.ground,
            article=record.article,
            data=[*record.data],
            recipients=[*record.recipients],
            retention=record.retention,
            since=record.since,
        )
        for activity, record in RECORDS.items()
    ]
    return schemas.ProcessingActivities(items=items)


@router.get("/me/consents")
async def list_my_consents(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.Consent]:
    """List the caller's consents, newest first, withdrawn ones too."""
    query = select(Consent).where(Consent.person_id == caller.id)
    return await page_of(tx, query, page, Consent.id, service.show, newest_first=True)


@router.post("/me/consents/{consent_id}/withdraw")
async def withdraw_consent(tx: Tx, caller: Somebody, once: OnceKey, consent_id: UUID) -> schemas.Withdrawal:
    """Withdraw a consent; the answer says what stops.

    Withdrawing that of identity proofing erases name and ID number and returns the caller to assurance level 1. The
    caller's representation of organisations, mandates, family accounts, roles and sign-ins end with it: within seconds
    every service refuses the access tokens of before. That of faces or of network identity certificates returns them to
    level 2 where it gave them level 3. That of the account is withdrawn by closing it.
    """
    return await once.do(tx, caller, service.withdraw(tx, caller.id, consent_id))
