"""The rated may appeal a rating, once; somebody independent decides."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.approvals import SecondPersonNeeded
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_services.callers import OPERATOR
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.providers.own_company.outsiders import require_outsider
from svc_services.supervision.ratings import schemas
from svc_services.supervision.ratings.models import AppealStatus, Rating, RatingAppeal
from svc_services.supervision.ratings.refusals import AlreadyAppealed
from svc_services.supervision.readers import CLERK, RATED, visible
from svc_services.supervision.rectifications import service as rectifications
from svc_services.supervision.rectifications.models import RectificationAction


async def appeal(tx: AsyncSession, caller: Caller, rating_id: UUID, reason: str) -> schemas.RatingAppeal:
    """Appeal a rating of one's division or company.

    Raises:
        NotFound, AlreadyAppealed
    """
    reached = visible(caller, Rating.division_code, Rating.provider_id, CLERK)
    rating = await tx.scalar(select(Rating).where(Rating.id == rating_id, reached).with_for_update())
    if rating is None:
        raise NotFound
    row = RatingAppeal(
        rating_id=rating.id,
        division_code=rating.division_code,
        reason=reason,
        appealed_by=caller.id,
        appealed_role=caller.memberships_as(*RATED)[0].role,
    )
    tx.add(row)
    try:
        await tx.flush()
    except IntegrityError:
        raise AlreadyAppealed from None
    return shown(row)


async def decide(
    tx: AsyncSession, caller: Caller, appeal_id: UUID, said: schemas.AppealDecision
) -> schemas.RatingAppeal:
    """Decide an appeal; one that is upheld sets the rating aside and closes its rectification.

    Raises:
        NotFound, NotYourDivision
        SecondPersonNeeded: the caller appealed, took a step of the case, or is its applicant.
        NotIndependent, RoleTooNew: see `require_second_holder`.
        OwnCompany: the caller holds a role in the rated company.
    """
    row = await tx.get(RatingAppeal, appeal_id, with_for_update=True)
    if row is None:
        raise NotFound
    acting_in(caller, [row.division_code], OPERATOR)
    await require_second_holder(tx, caller, row.appealed_by, first_role=row.appealed_role, within=[row.division_code])
    rating = await tx.get_one(Rating, row.rating_id, with_for_update=True)
    await require_outsider(tx, caller, rating.provider_id)
    await _require_uninvolved(tx, caller, rating)
    row.decide(said.decision, caller.id, said.reason)
    if said.decision == AppealStatus.UPHELD:
        rating.set_aside_at = now()
        if rectification := await rectifications.of_rating(tx, rating.id):
            await rectifications.close(tx, rectification, RectificationAction.SET_ASIDE, caller.id)
    return shown(row)


def shown(row: RatingAppeal) -> schemas.RatingAppeal:
    names = set(schemas.RatingAppeal.model_fields) - {"appeal_id"}
    return schemas.RatingAppeal(appeal_id=row.id, **{name: getattr(row, name) for name in names})


async def _require_uninvolved(tx: AsyncSession, caller: Caller, rating: Rating) -> None:
    case = await tx.get_one(Application, rating.application_id)
    step = exists().where(ApplicationStep.application_id == case.id, ApplicationStep.actor_id == caller.id)
    if case.person_id == caller.id or await tx.scalar(select(step)):
        raise SecondPersonNeeded
