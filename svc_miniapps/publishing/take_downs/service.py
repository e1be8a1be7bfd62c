"""Taking an app from residents, and giving it back: by two operators, by one in an emergency, or by its team."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in, divisions_of
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.publishing.take_downs import schemas
from svc_miniapps.publishing.take_downs.effect import lift, put_in_effect
from svc_miniapps.publishing.take_downs.models import HAS_EFFECT, NOT_OF_OPERATORS, Kind, TakeDown, TakeDownStatus

CONFIRM_WITHIN = timedelta(days=1)
_OPEN = {TakeDownStatus.PROPOSED, *HAS_EFFECT}
_PROPOSED = SecurityEvent("take_down_proposed")
_TAKEN_DOWN = SecurityEvent("app_taken_down")
_RESTORED = SecurityEvent("app_restored")
_EVENTS = {
    TakeDownStatus.PROPOSED: _PROPOSED,
    TakeDownStatus.EMERGENCY: _TAKEN_DOWN,
    TakeDownStatus.IN_FORCE: _TAKEN_DOWN,
    TakeDownStatus.REJECTED: _RESTORED,
    TakeDownStatus.LAPSED: _RESTORED,
    TakeDownStatus.RESTORED: _RESTORED,
}


class TakeDownOpen(Problem):
    status, code = 409, "take_down_open"


class EmergencyLapsedBefore(Problem):
    """Otherwise one operator alone could keep an app down for ever."""

    status, code = 409, "emergency_lapsed_before"


class TakeDownLapsed(Problem):
    status, code = 409, "take_down_lapsed"


class AlreadyAppealed(Problem):
    status, code = 409, "already_appealed"


class RestoreNotProposed(Problem):
    status, code = 409, "restore_not_proposed"


class RestoreProposed(Problem):
    status, code = 409, "restore_proposed"


async def propose(tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewTakeDown) -> schemas.TakeDown:
    """Propose to take an app down as an operator; an emergency has effect at once.

    Raises:
        NotFound, NotYourDivision, TakeDownOpen, EmergencyLapsedBefore
    """
    app = await _locked_app(tx, app_id)
    acting_in(caller, [app.division_code], members.OPERATOR)
    # A proposal that waits for its second person does not keep anybody from an emergency.
    await _require_none(tx, app_id, TakeDown.kind != Kind.TEAM, HAS_EFFECT if new.emergency else _OPEN)
    down = TakeDown(app=app, app_id=app.id, reason=new.reason, proposed_by=caller.id, proposed_at=now())
    if not new.emergency:
        down.kind, down.status = Kind.ORDINARY, TakeDownStatus.PROPOSED
        tx.add(down)
        return await _changed(tx, down)
    await _require_first_emergency(tx, caller, app_id)
    down.kind, down.status = Kind.EMERGENCY, TakeDownStatus.EMERGENCY
    down.confirm_by = await database_time(tx) + CONFIRM_WITHIN
    return await _take_effect(tx, down)


async def confirm(tx: AsyncSession, caller: Caller, take_down_id: UUID) -> schemas.TakeDown:
    """Confirm a take-down as the second operator; it has effect from now, or goes on having it.

    Raises:
        NotFound, IllegalMove, NotYourDivision, TakeDownLapsed; and as `require_second_holder`.
    """
    down = await _locked(tx, take_down_id)
    await _require_second(tx, caller, down, down.proposed_by)
    was_emergency = down.status == TakeDownStatus.EMERGENCY
    if was_emergency and down.confirm_by is not None and down.confirm_by <= await database_time(tx):
        raise TakeDownLapsed
    down.move_to(TakeDownStatus.IN_FORCE)
    down.confirmed_by, down.confirmed_at = caller.id, now()
    return await _changed(tx, down) if was_emergency else await _take_effect(tx, down)


async def reject(tx: AsyncSession, caller: Caller, take_down_id: UUID) -> schemas.TakeDown:
    """Reject a take-down as the second operator; an emergency ends. Raises as `confirm`, but for TakeDownLapsed."""
    down = await _locked(tx, take_down_id)
    await _require_second(tx, caller, down, down.proposed_by)
    had_effect = down.status in HAS_EFFECT
    down.move_to(TakeDownStatus.REJECTED)
    down.confirmed_by, down.confirmed_at = caller.id, now()
    if had_effect:
        await lift(tx, down)
    return await _changed(tx, down)


async def appeal(tx: AsyncSession, caller: Caller, take_down_id: UUID, words: str) -> schemas.TakeDown:
    """Appeal once against a take-down of operators, as the app's team.

    Raises:
        NotFound, IllegalMove, AlreadyAppealed
    """
    down = await _locked(tx, take_down_id)
    if not members.is_in_team(caller, down.app.organisation_id, down.app.division_code):
        raise NotFound
    if down.kind in NOT_OF_OPERATORS or down.status not in HAS_EFFECT:
        raise IllegalMove(current=str(down.status), wanted="appeal")
    if down.appeal is not None:
        raise AlreadyAppealed
    down.appeal, down.appealed_by, down.appealed_at = words, caller.id, now()
    return await _changed(tx, down)


async def propose_restore(tx: AsyncSession, caller: Caller, take_down_id: UUID) -> schemas.TakeDown:
    """Propose to give an app back, as any operator.

    Raises:
        NotFound, IllegalMove, NotYourDivision, RestoreProposed
    """
    down = await _locked(tx, take_down_id)
    acting_in(caller, [down.app.division_code], members.OPERATOR)
    _require_in_force(down)
    if down.restore_proposed_by is not None:
        raise RestoreProposed
    down.restore_proposed_by, down.restore_proposed_at = caller.id, now()
    return await _changed(tx, down)


async def restore(tx: AsyncSession, caller: Caller, take_down_id: UUID) -> schemas.TakeDown:
    """Give an app back to residents, as another operator than the one who proposed it.

    Raises:
        NotFound, IllegalMove, NotYourDivision, RestoreNotProposed; and as `require_second_holder`.
    """
    down = await _locked(tx, take_down_id)
    acting_in(caller, [down.app.division_code], members.OPERATOR)
    _require_in_force(down)
    if down.restore_proposed_by is None:
        raise RestoreNotProposed
    await _require_second(tx, caller, down, down.restore_proposed_by)
    return await _restored(tx, down, caller.id)


async def withdraw_app(tx: AsyncSession, caller: Caller, app_id: UUID, reason: str) -> schemas.TakeDown:
    """Withdraw the team's own app from residents, at once.

    Raises:
        NotFound, TakeDownOpen: the team has withdrawn it already.
    """
    app = await lock_app(tx, caller, app_id)
    await _require_none(tx, app_id, TakeDown.kind == Kind.TEAM, _OPEN)
    down = TakeDown(app=app, app_id=app.id, reason=reason, proposed_by=caller.id, proposed_at=now())
    down.kind, down.status = Kind.TEAM, TakeDownStatus.IN_FORCE
    return await _take_effect(tx, down)


async def relist_app(tx: AsyncSession, caller: Caller, app_id: UUID) -> schemas.TakeDown:
    """Give residents the team's own app again that the team has withdrawn; what operators took down stays down.

    Raises:
        NotFound
    """
    app = await lock_app(tx, caller, app_id)
    own = TakeDown.app_id == app.id, TakeDown.kind == Kind.TEAM, TakeDown.status == TakeDownStatus.IN_FORCE
    down = await tx.scalar(select(TakeDown).where(*own))
    if down is None:
        raise NotFound
    return await _restored(tx, down, caller.id)


async def list_take_downs(
    tx: AsyncSession, caller: Caller, status: TakeDownStatus | None, page: PageRequest
) -> Page[schemas.TakeDown]:
    """The take-downs in the divisions of an operator, the newest first."""
    query = select(TakeDown).join(App, App.id == TakeDown.app_id)
    if (divisions := divisions_of(caller, members.OPERATOR)) is not None:
        query = query.where(App.division_code.in_(divisions))
    if status is not None:
        query = query.where(TakeDown.status == status)
    return await page_of(tx, query, page, TakeDown.id, schemas.TakeDown.of, newest_first=True)


async def take_downs_of(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.TakeDown]:
    """Those of an app of the caller's team, the newest first."""
    app = await get_app(tx, caller, app_id)
    query = select(TakeDown).where(TakeDown.app_id == app.id)
    return await page_of(tx, query, page, TakeDown.id, schemas.TakeDown.of, newest_first=True)


async def lapse_unconfirmed(database: Database) -> int:
    """End the emergencies that no second operator confirmed in time. Returns how many."""
    async with database.transaction() as tx:
        due = TakeDown.status == TakeDownStatus.EMERGENCY, TakeDown.confirm_by <= await database_time(tx)
        overdue = (await tx.scalars(select(TakeDown.id).where(*due).limit(100))).all()
    return sum([await _lapse(database, take_down_id) for take_down_id in overdue])


async def _lapse(database: Database, take_down_id: UUID) -> bool:
    async with database.transaction() as tx:
        down = await _locked(tx, take_down_id)
        if down.status != TakeDownStatus.EMERGENCY:  # the second operator was quicker
            return False
        down.move_to(TakeDownStatus.LAPSED)
        await lift(tx, down)
        await _changed(tx, down)
        return True


async def _restored(tx: AsyncSession, down: TakeDown, person_id: UUID) -> schemas.TakeDown:
    down.move_to(TakeDownStatus.RESTORED)
    down.restored_by, down.restored_at = person_id, now()
    await lift(tx, down)
    return await _changed(tx, down)


async def _take_effect(tx: AsyncSession, down: TakeDown) -> schemas.TakeDown:
    tx.add(down)
    await tx.flush()
    await put_in_effect(tx, down)
    return await _changed(tx, down)


async def _changed(tx: AsyncSession, down: TakeDown) -> schemas.TakeDown:
    await tx.flush()
    record_on_commit(tx, _EVENTS[TakeDownStatus(down.status)], take_down_id=down.id, app_id=down.app_id)
    return schemas.TakeDown.of(down)


def _require_in_force(down: TakeDown) -> None:
    if down.kind in NOT_OF_OPERATORS or down.status != TakeDownStatus.IN_FORCE:
        raise IllegalMove(current=str(down.status), wanted=str(TakeDownStatus.RESTORED))


async def _require_none(
    tx: AsyncSession, app_id: UUID, by: ColumnElement[bool], statuses: Collection[TakeDownStatus]
) -> None:
    query = select(TakeDown.id).where(TakeDown.app_id == app_id, by, TakeDown.status.in_(statuses))
    if other := await tx.scalar(query.limit(1)):
        raise TakeDownOpen(take_down_id=str(other))


async def _require_first_emergency(tx: AsyncSession, caller: Caller, app_id: UUID) -> None:
    own = TakeDown.app_id == app_id, TakeDown.kind == Kind.EMERGENCY, TakeDown.proposed_by == caller.id
    unconfirmed = TakeDown.status.in_([TakeDownStatus.LAPSED, TakeDownStatus.REJECTED])
    if await tx.scalar(select(TakeDown.id).where(*own, unconfirmed).limit(1)):
        raise EmergencyLapsedBefore


async def _require_second(tx: AsyncSession, caller: Caller, down: TakeDown, first: UUID) -> None:
    if down.kind in NOT_OF_OPERATORS:
        raise NotFound
    within = [down.app.division_code]
    acting_in(caller, within, members.OPERATOR)
    await require_second_holder(tx, caller, first, within=within)


async def _locked_app(tx: AsyncSession, app_id: UUID) -> App:
    app = await tx.scalar(select(App).where(App.id == app_id).with_for_update())
    if app is None:
        raise NotFound
    return app


async def _locked(tx: AsyncSession, take_down_id: UUID) -> TakeDown:
    """A take-down, read after its app is locked so that it is current."""
    app_id = await tx.scalar(select(TakeDown.app_id).where(TakeDown.id == take_down_id))
    if app_id is None:
        raise NotFound
    await _locked_app(tx, app_id)
    return await tx.get_one(TakeDown, take_down_id, populate_existing=True)
