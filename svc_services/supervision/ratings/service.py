"""The applicant rates a stage once, and once more after what was bad has been put right."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, now
from chassis.problems import NotFound
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus
from svc_services.cases.workflows.definition import EXTEND, ROUTE, Actor
from svc_services.supervision.ratings import schemas
from svc_services.supervision.ratings.models import BAD, Rating, Stage
from svc_services.supervision.ratings.refusals import AlreadyRated, StageNotReached
from svc_services.supervision.rectifications import service as rectifications
from svc_services.supervision.rectifications.models import Rectification, RectificationAction, RectificationStatus

_OFFICE = (Actor.CLERK, Actor.OPERATOR, Actor.PROVIDER)
_PUT_RIGHT = {RectificationStatus.ANSWERED, RectificationStatus.CLOSED}


async def rate(tx: AsyncSession, person_id: UUID, application_id: UUID, new: schemas.NewRating) -> schemas.OwnRating:
    """Rate a stage of one's own case.

    Raises:
        NotFound: it is somebody else's.
        StageNotReached, AlreadyRated
    """
    case = await _own(tx, person_id, application_id, locked=True)
    if new.stage not in await reached(tx, case):
        raise StageNotReached
    before = await _ratings(tx, case, new.stage)
    rating = Rating(
        application_id=case.id,
        provider_id=case.provider_id,
        division_code=case.division_code,
        kind=case.kind,
        round=len(before) + 1,
        rated_at=now(),
        **new.model_dump(mode="json"),
    )
    if before:
        await _require_put_right(tx, before)
    tx.add(rating)
    await tx.flush()
    if rating.grade <= BAD and rating.round == 1:
        await rectifications.open_for(tx, rating)
    return await _shown(tx, rating)


async def own_ratings(tx: AsyncSession, person_id: UUID, application_id: UUID) -> schemas.OwnRatings:
    """The ratings of one's own case, and what can be rated now."""
    case = await _own(tx, person_id, application_id)
    rows = await _ratings(tx, case)
    items = [await _shown(tx, each) for each in rows]
    open_stages = [
        stage for stage in sorted(await reached(tx, case)) if _can_rate([each for each in items if each.stage == stage])
    ]
    return schemas.OwnRatings(items=items, stages_to_rate=open_stages)


async def reached(tx: AsyncSession, case: Application) -> set[Stage]:
    """The stages that the case has passed; none before somebody else than the applicant has acted on it."""
    step = exists().where(
        ApplicationStep.application_id == case.id,
        ApplicationStep.actor.in_(_OFFICE),
        ApplicationStep.action.not_in((ROUTE, EXTEND)),
    )
    if not await tx.scalar(select(step)):
        return set()
    return {Stage.ACCEPTANCE, Stage.CONCLUSION} if case.status == CaseStatus.ENDED else {Stage.ACCEPTANCE}


def received(rating: Rating) -> schemas.ReceivedRating:
    """A rating as the rated see it."""
    names = ("provider_id", "division_code", "kind", "stage", "round", "grade", "tags", "words")
    return schemas.ReceivedRating(
        rating_id=rating.id,
        month=rating.rated_at.astimezone(CHINA).date().replace(day=1),
        set_aside=rating.set_aside_at is not None,
        **{name: getattr(rating, name) for name in names},
    )


def _can_rate(rated: Sequence[schemas.OwnRating]) -> bool:
    if not rated:
        return True
    (first, *second) = rated
    return not second and not first.set_aside and first.rectification in _PUT_RIGHT


async def _require_put_right(tx: AsyncSession, before: Sequence[Rating]) -> None:
    """A second rating closes the rectification of the first one."""
    row = await rectifications.of_rating(tx, before[0].id)
    if len(before) > 1 or before[0].set_aside_at or row is None or row.status not in _PUT_RIGHT:
        raise AlreadyRated
    await rectifications.close(tx, row, RectificationAction.RATE_AGAIN, None)


async def _shown(tx: AsyncSession, rating: Rating) -> schemas.OwnRating:
    status = await tx.scalar(select(Rectification.status).where(Rectification.rating_id == rating.id))
    names = ("stage", "round", "grade", "tags", "words", "rated_at")
    return schemas.OwnRating(
        rating_id=rating.id,
        set_aside=rating.set_aside_at is not None,
        rectification=status,
        **{name: getattr(rating, name) for name in names},
    )


async def _ratings(tx: AsyncSession, case: Application, stage: Stage | None = None) -> Sequence[Rating]:
    query = select(Rating).where(Rating.application_id == case.id)
    if stage:
        query = query.where(Rating.stage == stage)
    return (await tx.scalars(query.order_by(Rating.stage, Rating.round))).all()


async def _own(tx: AsyncSession, person_id: UUID, application_id: UUID, *, locked: bool = False) -> Application:
    case = await tx.get(Application, application_id, with_for_update=locked or None)
    if case is None or case.person_id != person_id or case.status == CaseStatus.DRAFT:
        raise NotFound
    return case
