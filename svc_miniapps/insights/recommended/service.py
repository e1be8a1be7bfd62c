"""What a division recommends: proposed by one operator, put in force by another in the place of the list before."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in, divisions_of
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.insights.recommended import schemas
from svc_miniapps.insights.recommended.models import ListStatus, RecommendedList
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import require_division

_CHANGED = SecurityEvent("recommended_list_changed")


class ListProposed(Problem):
    status, code = 409, "recommended_list_proposed"


class AppNotInCatalogue(Problem):
    status, code = 422, "app_not_in_catalogue"


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewRecommendedList) -> schemas.RecommendedList:
    """Propose a list for a division as an operator of it.

    Raises:
        UnknownDivision, NotYourDivision, ListProposed
        AppNotInCatalogue: the division's residents do not see one of the apps.
    """
    await require_division(tx, new.division_code)
    acting_in(caller, [new.division_code], members.OPERATOR)
    await _lock(tx, new.division_code)
    if other := await _standing(tx, new.division_code, ListStatus.PROPOSED):
        raise ListProposed(list_id=str(other.id))
    shown = Listing.hidden_at.is_(None), Listing.division_code.in_([new.division_code, PREFECTURE])
    known = set(await tx.scalars(select(Listing.app_id).where(*shown, Listing.app_id.in_(new.app_ids))))
    if missing := [app_id for app_id in new.app_ids if app_id not in known]:
        raise AppNotInCatalogue(app_id=str(missing[0]))
    row = RecommendedList(**new.model_dump(), proposed_by=caller.id)
    tx.add(row)
    return await _changed(tx, row)


async def approve(tx: AsyncSession, caller: Caller, list_id: UUID) -> schemas.RecommendedList:
    """Put a list in force as the second operator; the one before ends.

    Raises:
        NotFound, IllegalMove, NotYourDivision; and as `require_second_holder`.
    """
    row = await _decided(tx, caller, list_id)
    before = await _standing(tx, row.division_code, ListStatus.IN_FORCE)
    if before:
        before.move_to(ListStatus.REPLACED)
        await tx.flush()  # first: one list of a division is in force at any time
    row.move_to(ListStatus.IN_FORCE)
    row.decided_by, row.decided_at = caller.id, now()
    return await _changed(tx, row)


async def reject(tx: AsyncSession, caller: Caller, list_id: UUID) -> schemas.RecommendedList:
    """Reject a list as the second operator. Raises as `approve`."""
    row = await _decided(tx, caller, list_id)
    row.move_to(ListStatus.REJECTED)
    row.decided_by, row.decided_at = caller.id, now()
    return await _changed(tx, row)


async def withdraw(tx: AsyncSession, caller: Caller, list_id: UUID) -> schemas.RecommendedList:
    """Withdraw a list that waits for a decision, as an operator of the division.

    Raises:
        NotFound, IllegalMove, NotYourDivision
    """
    row = await _locked(tx, list_id)
    acting_in(caller, [row.division_code], members.OPERATOR)
    row.move_to(ListStatus.WITHDRAWN)
    return await _changed(tx, row)


async def list_lists(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.RecommendedList]:
    """The lists of the operator's divisions, the newest first."""
    query = select(RecommendedList)
    if (divisions := divisions_of(caller, members.OPERATOR)) is not None:
        query = query.where(RecommendedList.division_code.in_(divisions))
    return await page_of(tx, query, page, RecommendedList.id, schemas.RecommendedList.of, newest_first=True)


async def _decided(tx: AsyncSession, caller: Caller, list_id: UUID) -> RecommendedList:
    row = await _locked(tx, list_id)
    within = [row.division_code]
    acting_in(caller, within, members.OPERATOR)
    await require_second_holder(tx, caller, row.proposed_by, within=within)
    return row


async def _locked(tx: AsyncSession, list_id: UUID) -> RecommendedList:
    division_code = await tx.scalar(select(RecommendedList.division_code).where(RecommendedList.id == list_id))
    if division_code is None:
        raise NotFound
    await _lock(tx, division_code)
    return await tx.get_one(RecommendedList, list_id, populate_existing=True)


async def _lock(tx: AsyncSession, division_code: str) -> None:
    """The lists of one division change one after the other."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"recommended {division_code}", 0))))


async def _standing(tx: AsyncSession, division_code: str, status: ListStatus) -> RecommendedList | None:
    same = RecommendedList.division_code == division_code, RecommendedList.status == status
    return await tx.scalar(select(RecommendedList).where(*same))


async def _changed(tx: AsyncSession, row: RecommendedList) -> schemas.RecommendedList:
    await tx.flush()
    record_on_commit(tx, _CHANGED, list_id=row.id, status=str(row.status))
    return schemas.RecommendedList.of(row)
