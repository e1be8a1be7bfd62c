"""Closing an account: asked for, a cooling-off period in which it can be cancelled, then erased everywhere."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from svc_identity.oauth.app_access.models import AppAccess
from svc_identity.oauth.app_access.service import end_sign_ins
from svc_identity.organisations.lost_identities.models import IdentityNotice
from svc_identity.organisations.mandates import service as mandates
from svc_identity.organisations.models import Membership
from svc_identity.organisations.representation import service as representation
from svc_identity.people.consents.activities import RECORDS, Activity
from svc_identity.people.consents.models import Consent
from svc_identity.people.factors.models import Factor, FactorTries, RecoveryCode
from svc_identity.people.families import service as families
from svc_identity.people.families.models import FamilyNotice
from svc_identity.people.identity_claims import service as claims
from svc_identity.people.passwords import service as passwords
from svc_identity.people.persons.events import PersonClosed
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import known_person
from svc_identity.people.suspensions.queries import suspension_of
from svc_identity.privacy.closures import schemas
from svc_identity.privacy.closures.models import Closure, ClosureStatus, OpenPayment
from svc_identity.privacy.corrections import service as corrections
from svc_identity.sign_in.models import IdentityTry, KnownDevice, SentCode
from svc_identity.sign_in.phone_changes import service as phone_changes
from svc_identity.sign_in.phone_changes.models import EndReason
from svc_identity.verifications import service as verifications

_KEPT = (Activity.PAYMENTS, Activity.AUDIT_TRAIL)


class ClosureBlocked(Problem):
    """Something stands against it; `obstacles` names each."""

    status, code = 409, "closure_blocked"


async def request(tx: AsyncSession, person_id: UUID, cooling_off: timedelta) -> schemas.Closure:
    """Ask for the closure of an account. Idempotent: one that is asked for stays as it is.

    Raises:
        ClosureBlocked
    """
    await known_person(tx, person_id, for_update=True)
    if waiting := await _requested(tx, person_id):
        return show(waiting)
    if obstacles := await _obstacles(tx, person_id):
        named = [each.model_dump(mode="json") for each in obstacles]
        raise ClosureBlocked(count=len(named), obstacles=named)
    closure = Closure(person_id=person_id, closes_at=now() + cooling_off)
    tx.add(closure)
    await tx.flush()
    return show(closure)


async def current(tx: AsyncSession, person_id: UUID) -> schemas.Closure:
    """The closure that is asked for.

    Raises:
        NotFound: there is none.
    """
    closure = await _requested(tx, person_id)
    if closure is None:
        raise NotFound
    return show(closure)


async def cancel(tx: AsyncSession, person_id: UUID) -> schemas.Closure:
    """Keep the account after all.

    Raises:
        NotFound: no closure is asked for.
    """
    await known_person(tx, person_id, for_update=True)
    closure = await _requested(tx, person_id)
    if closure is None:
        raise NotFound
    closure.move_to(ClosureStatus.CANCELLED)
    await tx.flush()
    return show(closure)


async def close_due(database: Database) -> None:
    """Close the accounts whose cooling-off period is over; what has an obstacle waits for its end."""
    async with database.read() as tx:
        over = Closure.status == ClosureStatus.REQUESTED, Closure.closes_at <= now()
        due = (await tx.scalars(select(Closure.person_id).where(*over).order_by(Closure.closes_at))).all()
    for person_id in due:
        async with database.transaction() as tx:
            await _close(tx, person_id)


async def _close(tx: AsyncSession, person_id: UUID) -> None:
    person = await tx.get_one(Person, person_id, with_for_update=True)
    closure = await _requested(tx, person_id)
    if closure is None or await _obstacles(tx, person_id):  # cancelled or closed a moment ago, or not yet
        return
    await end_sign_ins(tx, person_id)
    for model in (Consent, AppAccess):
        given = update(model).where(model.person_id == person_id, model.withdrawn_at.is_(None))
        await tx.execute(given.values(withdrawn_at=now()))
    await claims.close_live(tx, person_id)
    await corrections.forget(tx, person_id)
    await phone_changes.end_live(tx, person_id, EndReason.OVERTAKEN)
    for room in (families, mandates, representation):
        await room.end_all_of(tx, person_id)
    for notices in (FamilyNotice, IdentityNotice):
        await tx.execute(delete(notices).where(notices.person_id == person_id))
    for counted in (KnownDevice, SentCode, IdentityTry):
        await tx.execute(delete(counted).where(counted.phone_index == person.phone_index))
    await _forget_factors(tx, person_id)
    await passwords.remove(tx, person_id, "closed")
    await verifications.forget(tx, person_id)
    person.forget_all()
    closure.move_to(ClosureStatus.CLOSED)
    await tx.flush()
    await emit(tx, PersonClosed(person_id=person_id))


async def _forget_factors(tx: AsyncSession, person_id: UUID) -> None:
    forgotten = {"name": "", "secret": None, "public_key": None, "credential_id": None}
    of_person = update(Factor).where(Factor.person_id == person_id)
    await tx.execute(of_person.values(forgotten | {"removed_at": func.coalesce(Factor.removed_at, now())}))
    for model in (RecoveryCode, FactorTries):
        await tx.execute(delete(model).where(model.person_id == person_id))


async def _requested(tx: AsyncSession, person_id: UUID) -> Closure | None:
    waiting = select(Closure).where(Closure.person_id == person_id, Closure.status == ClosureStatus.REQUESTED)
    closure: Closure | None = await tx.scalar(waiting.execution_options(populate_existing=True))
    return closure


async def _obstacles(tx: AsyncSession, person_id: UUID) -> Sequence[schemas.Obstacle]:
    """Roles, which others take over first, the last operators' among them; money under way; and a suspension."""
    held = select(Membership).where(Membership.person_id == person_id, Membership.ended_at.is_(None))
    roles = [schemas.Obstacle(kind="role", id=each.id, detail=each.role) for each in await tx.scalars(held)]
    under_way = select(OpenPayment).where(OpenPayment.person_id == person_id)
    payments = [
        schemas.Obstacle(kind="open_payment", id=each.payment_id, detail=each.status)
        for each in await tx.scalars(under_way)
    ]
    # Closing would lift it: the phone registers anew.
    suspended = [
        schemas.Obstacle(kind="suspension", id=each, detail="suspended")
        for each in await tx.scalars(suspension_of(person_id))
    ]
    return [*roles, *payments, *suspended]


def show(closure: Closure) -> schemas.Closure:
    kept = [
        schemas.Kept(data=[*record.data], article=record.article, retention=record.retention)
        for record in (RECORDS[each] for each in _KEPT)
    ]
    return schemas.Closure(
        closure_id=closure.id,
        status=closure.status,
        requested_at=closure.requested_at,
        closes_at=closure.closes_at,
        ended_at=closure.ended_at,
        kept=kept,
    )
