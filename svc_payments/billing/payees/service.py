"""Payees and the mini-apps that collect for them."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from kit.approvals import require_second_person
from kit.calendar import database_time
from kit.staff.second_person import require_second_holder
from svc_payments.billing.payees import schemas
from svc_payments.billing.payees.models import Payee, PayeeApp, PayeeStatus
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.mini_apps.models import MiniApp
from svc_payments.parties.providers.models import PAYEE, Provider


class PayeeExists(Problem):
    """Another one has this code and is not refused."""

    status, code = 409, "payee_exists"


class PayeeNotApproved(Problem):
    status, code = 409, "payee_not_approved"


class AppUnknown(Problem):
    """No mini-app with a client has this id, or it is not known here yet."""

    status, code = 422, "app_unknown"


class PayeeAppExists(Problem):
    status, code = 409, "payee_app_exists"


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewPayee) -> schemas.Payee:
    """Record a payee, for a second operator to approve.

    Raises:
        PayeeExists
    """
    row = new.model_dump(mode="json", exclude={"purposes"}) | {"organisation_id": new.organisation_id}
    row |= {"id": new_id(), "purposes": sorted(new.purposes), "status": PayeeStatus.PROPOSED, "proposed_by": caller.id}
    payee_id = await tx.scalar(insert(Payee).values(row).on_conflict_do_nothing().returning(Payee.id))
    if payee_id is None:
        raise PayeeExists(uscc=new.uscc)
    await audit.record(tx, caller, "propose_payee", payee_id, reason=new.reason)
    return schemas.shown(await tx.get_one(Payee, payee_id))


async def approve(tx: AsyncSession, caller: Caller, payee_id: UUID) -> schemas.Payee:
    """Let a payee be collected for; from now on it is a provider without an outside system, and settled as one.

    Raises:
        NotFound
        SecondPersonNeeded, and the others of `require_second_holder`
        IllegalMove: it is decided.
    """
    payee = await locked(tx, payee_id)
    await require_second_holder(tx, caller, payee.proposed_by, since=payee.proposed_at)
    moment = await database_time(tx)
    payee.move_to(PayeeStatus.APPROVED)
    payee.approved_by, payee.approved_at = caller.id, moment
    tx.add(Provider(provider_id=payee.id, kind=PAYEE, name=payee.name, endpoint_url="", as_of=moment))
    return await _done(tx, caller, "approve_payee", payee, payee.reason)


async def refuse(tx: AsyncSession, caller: Caller, payee_id: UUID, reason: str) -> schemas.Payee:
    """Refuse a payee, or withdraw one's own proposal.

    Raises:
        NotFound
        IllegalMove: it is decided.
    """
    payee = await locked(tx, payee_id)
    payee.move_to(PayeeStatus.REFUSED)
    return await _done(tx, caller, "refuse_payee", payee, reason)


async def suspend(tx: AsyncSession, caller: Caller, payee_id: UUID, reason: str) -> schemas.Payee:
    """Suspend a payee at once: no order of it is created or paid. Its refunds and settlements go on.

    Raises:
        NotFound
        IllegalMove: it is not approved.
    """
    payee = await locked(tx, payee_id)
    moment = await database_time(tx)
    payee.move_to(PayeeStatus.SUSPENDED)
    payee.suspended_by, payee.suspended_at = caller.id, moment
    await _mirror(tx, payee.id, moment)
    return await _done(tx, caller, "suspend_payee", payee, reason)


async def resume(tx: AsyncSession, caller: Caller, payee_id: UUID, reason: str) -> schemas.Payee:
    """End a suspension, as another operator than who suspended.

    Raises:
        NotFound
        IllegalMove: it is not suspended.
        SecondPersonNeeded, and the others of `require_second_holder`
    """
    payee = await locked(tx, payee_id)
    if payee.status != PayeeStatus.SUSPENDED:
        raise IllegalMove(current=payee.status, wanted=PayeeStatus.APPROVED)
    await require_second_holder(tx, caller, payee.suspended_by)
    payee.move_to(PayeeStatus.APPROVED)
    payee.suspended_by, payee.suspended_at = None, None
    await _mirror(tx, payee.id, None)
    return await _done(tx, caller, "resume_payee", payee, reason)


async def propose_app(tx: AsyncSession, caller: Caller, payee_id: UUID, app_id: UUID) -> schemas.PayeeApp:
    """Propose that a mini-app collects for a payee, whose own agent agrees.

    Raises:
        NotFound: there is no such payee.
        PayeeNotApproved, AppUnknown, PayeeAppExists
    """
    payee = await locked(tx, payee_id)
    if payee.status != PayeeStatus.APPROVED:
        raise PayeeNotApproved
    if await tx.get(MiniApp, app_id) is None:
        raise AppUnknown(app_id=str(app_id))
    row = {"id": new_id(), "payee_id": payee.id, "app_id": app_id, "proposed_by": caller.id}
    tie_id = await tx.scalar(insert(PayeeApp).values(row).on_conflict_do_nothing().returning(PayeeApp.id))
    if tie_id is None:
        raise PayeeAppExists
    return await _tied(tx, caller, "propose_payee_app", await tx.get_one(PayeeApp, tie_id))


async def agree(tx: AsyncSession, caller: Caller, payee_id: UUID, tie_id: UUID) -> schemas.PayeeApp:
    """Agree, for the payee's own organisation, that a mini-app collects for it.

    Raises:
        NotFound: there is none, it has ended, or the caller acts for another organisation.
        SecondPersonNeeded: the caller has proposed it.
    """
    payee = await tx.get(Payee, payee_id)
    if payee is None or payee.organisation_id != caller.id:
        raise NotFound
    tie = await _locked_tie(tx, payee_id, tie_id)
    agent = UUID(caller.actor)
    require_second_person(agent, tie.proposed_by)
    if tie.agreed_at is None:
        tie.agreed_by, tie.agreed_at = agent, await database_time(tx)
    return await _tied(tx, caller, "agree_to_payee_app", tie)


async def end_app(tx: AsyncSession, caller: Caller, payee_id: UUID, tie_id: UUID) -> schemas.PayeeApp:
    """End what a mini-app collects for a payee, as an operator or an agent of the payee.

    Raises:
        NotFound: there is none, it has ended, or the caller acts for another organisation.
    """
    payee = await tx.get(Payee, payee_id)
    if payee is None or (caller.kind == "organisation" and payee.organisation_id != caller.id):
        raise NotFound
    tie = await _locked_tie(tx, payee_id, tie_id)
    tie.ended_by, tie.ended_at = UUID(caller.actor or caller.subject), await database_time(tx)
    return await _tied(tx, caller, "end_payee_app", tie)


async def list_apps(tx: AsyncSession, payee_id: UUID, page: PageRequest) -> Page[schemas.PayeeApp]:
    """The mini-apps of a payee, newest first, those that have ended too."""
    ties = select(PayeeApp).where(PayeeApp.payee_id == payee_id)
    found = await page_of(tx, ties, page, PayeeApp.id, _itself, newest_first=True)
    ids = [tie.app_id for tie in found.items]
    known = await tx.execute(select(MiniApp.app_id, MiniApp.name).where(MiniApp.app_id.in_(ids)))
    names = {row.app_id: row.name for row in known}
    items = [schemas.app_shown(tie, names.get(tie.app_id)) for tie in found.items]
    return Page(items=items, next_cursor=found.next_cursor)


async def locked(tx: AsyncSession, payee_id: UUID, *, read: bool = False) -> Payee:
    """A payee as its last change left it.

    Raises:
        NotFound
    """
    payee = await tx.get(Payee, payee_id, with_for_update={"read": read}, populate_existing=True)
    if payee is None:
        raise NotFound
    return payee


async def _locked_tie(tx: AsyncSession, payee_id: UUID, tie_id: UUID) -> PayeeApp:
    tie = await tx.get(PayeeApp, tie_id, with_for_update=True, populate_existing=True)
    if tie is None or tie.payee_id != payee_id or tie.ended_at is not None:
        raise NotFound
    return tie


async def _mirror(tx: AsyncSession, payee_id: UUID, suspended_at: datetime | None) -> None:
    provider = await tx.get_one(Provider, payee_id, with_for_update={"key_share": True})
    provider.suspended_at = suspended_at and suspended_at.astimezone(UTC)


async def _done(tx: AsyncSession, caller: Caller, action: str, payee: Payee, reason: str) -> schemas.Payee:
    payee.reason = reason
    await tx.flush()
    await audit.record(tx, caller, action, payee.id, reason=reason)
    return schemas.shown(payee)


async def _tied(tx: AsyncSession, caller: Caller, action: str, tie: PayeeApp) -> schemas.PayeeApp:
    await tx.flush()
    about = {"app_id": str(tie.app_id), "payee_id": str(tie.payee_id), "actor": caller.actor}
    await audit.record(tx, caller, action, tie.id, **about)
    app = await tx.get(MiniApp, tie.app_id)
    return schemas.app_shown(tie, app.name if app else None)


def _itself(tie: PayeeApp) -> PayeeApp:
    return tie
