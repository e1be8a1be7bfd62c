from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.organisations.enrolment import schemas, service
from svc_identity.organisations.enrolment.models import FactorReset, ResetStatus
from svc_identity.organisations.operators import require_current
from svc_identity.organisations.reach import staff_readable
from svc_identity.organisations.role_changes.endpoints import CoolingOff, Operator, Reader

router = APIRouter(prefix="/identity/v1", tags=["organisations"])


@router.post("/enrolment-codes", status_code=201)
async def create_enrolment_code(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewEnrolmentCode
) -> schemas.EnrolmentCode:
    """Issue a code with which the person of a phone sets up their first second factor.

    Check who they are before you give it to them. It is good once, within 24 hours, and ends the one before. Roles
    enter tokens only after a sign-in with such a factor.
    """
    return await once.do(tx, caller, service.issue_code(tx, caller, body))


@router.post("/factor-resets", status_code=201)
async def propose_factor_reset(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewFactorReset
) -> schemas.FactorReset:
    """Propose to remove the second factors of a person who lost them; another operator approves it in seven days."""
    return await once.do(tx, caller, service.propose(tx, caller, body))


@router.get("/factor-resets")
async def list_factor_resets(
    tx: Tx, caller: Reader, page: PageQuery, status: ResetStatus | None = None
) -> Page[schemas.FactorReset]:
    """List which second factors were reset or are proposed to be, by whom, when and why."""
    await require_current(tx, caller)
    query = select(FactorReset).where(staff_readable(caller, FactorReset.person_id))
    if status:
        query = query.where(FactorReset.status == status)
    return await page_of(tx, query, page, FactorReset.id, service.shown)


@router.post("/factor-resets/{factor_reset_id}/approve")
async def approve_factor_reset(
    tx: Tx, caller: Operator, once: OnceKey, cooling_off: CoolingOff, factor_reset_id: UUID
) -> schemas.ApprovedFactorReset:
    """Approve a proposal of another operator: the person's factors end, and a code lets them set up a new one.

    The approver is neither the proposer nor the person, is independent of the proposer, and has been operator for a
    day (`MYILI_COOLING_OFF_HOURS`).
    """
    return await once.do(tx, caller, service.approve(tx, caller, factor_reset_id, cooling_off=cooling_off))


@router.post("/factor-resets/{factor_reset_id}/reject")
async def reject_factor_reset(tx: Tx, caller: Operator, once: OnceKey, factor_reset_id: UUID) -> schemas.FactorReset:
    """Reject a proposal, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, factor_reset_id))
