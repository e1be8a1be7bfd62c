"""Suspending persons and clients: by one security officer or operator at once, lifted by a second one."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.oauth import refresh, standing
from svc_identity.oauth.models import Client, EndReason
from svc_identity.oauth.suspensions import schemas
from svc_identity.organisations import operators
from svc_identity.organisations.models import Role, SecurityRole
from svc_identity.organisations.reach import require_reach, require_reach_of_roles
from svc_identity.organisations.role_changes import service as role_changes
from svc_identity.organisations.role_changes.memberships import require_enough_operators
from svc_identity.organisations.role_changes.second_operator import require_second_operator
from svc_identity.organisations.service import PREFECTURE
from svc_identity.own_apps import STAFF_CONSOLE
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import registered
from svc_identity.people.suspensions.events import PersonResumed, PersonSuspended
from svc_identity.people.suspensions.models import Suspension

SUSPENDED, SUSPENSION_LIFTED = SecurityEvent("access_suspended"), SecurityEvent("access_resumed")


GUARDS = (Role.OPERATOR, SecurityRole.SECURITY_OFFICER)
"""Who suspends and lifts: security officers, and operators in an emergency."""


class AlreadySuspended(Problem):
    status, code = 409, "already_suspended"


class StaffConsole(Problem):
    """One person would lock out all staff, also those who could lift it."""

    status, code = 409, "staff_console"


class SuspensionLifted(Problem):
    status, code = 409, "suspension_lifted"


async def suspend(tx: AsyncSession, caller: Caller, new: schemas.NewSuspension) -> Suspension:
    """Take the access of a person or a client, and end the person's sign-ins.

    Raises:
        NoLongerOperator, NotFound, NotYourDivision, AlreadySuspended, StaffConsole, LastOperators,
        NoIndependentOperators
    """
    await role_changes.begin(tx, caller, GUARDS)
    suspension = Suspension(reason=new.reason, suspended_by=caller.id)
    if isinstance(new, schemas.ClientToSuspend):
        suspension.client_id = new.client_id
        await _require_reach(tx, caller, None)
        await _suspend_client(tx, suspension, new.client_id)
    else:
        person_id = new.person_id if isinstance(new, schemas.PersonToSuspend) else await registered(tx, new.phone)
        suspension.person_id = person_id
        await _require_reach(tx, caller, person_id)
        await _suspend_person(tx, suspension, person_id)
    _record(tx, SUSPENDED, suspension)
    return suspension


async def _require_reach(tx: AsyncSession, caller: Caller, person_id: UUID | None) -> str:
    """Staff is suspended within its division; residents and clients belong to none."""
    reaching = await require_reach_of_roles(tx, caller, person_id, GUARDS) if person_id else None
    if reaching is None:
        await require_reach(tx, caller, PREFECTURE, GUARDS)
    return reaching or PREFECTURE


async def _suspend_person(tx: AsyncSession, suspension: Suspension, person_id: UUID | None) -> None:
    # Under this lock a code or a refresh token gives either no token any more, or one that is ended below.
    person = await tx.get(Person, person_id, with_for_update=True) if person_id else None
    if person is None:
        raise NotFound
    earlier = list(await tx.scalars(select(Suspension).where(Suspension.person_id == person.id)))
    if any(each.lifted_at is None for each in earlier):
        raise AlreadySuspended
    was_operator = person.id in await operators.operators(tx)
    person.end_verification()  # whoever had the account in hand may have used it until now
    tx.add(suspension)
    await tx.flush()
    if was_operator:
        await require_enough_operators(tx)
    await emit(tx, PersonSuspended(person_id=person.id, revision=2 * len(earlier) + 1))
    await tx.run_sync(refresh.end_all, person.id, EndReason.SUSPENDED)


async def _suspend_client(tx: AsyncSession, suspension: Suspension, client_id: str) -> None:
    if client_id == STAFF_CONSOLE:
        raise StaffConsole
    client = await tx.get(Client, client_id, with_for_update=True)
    if client is None:
        raise NotFound
    if client.stopped:
        raise AlreadySuspended
    client.stopped = True
    tx.add(suspension)
    await tx.flush()
    await standing.announce(tx, client)


async def lift(
    tx: AsyncSession, caller: Caller, suspension_id: UUID, lifting: schemas.Lifting, *, cooling_off: timedelta
) -> Suspension:
    """Give the access back; the caller is another person, and has had the role for `cooling_off`.

    Raises:
        NoLongerOperator, NotFound, NotYourDivision, SuspensionLifted, SecondPersonNeeded, NotIndependent, RoleTooNew
    """
    await role_changes.begin(tx, caller, GUARDS)
    suspension = await tx.get(Suspension, suspension_id, with_for_update=True)
    if suspension is None:
        raise NotFound
    if suspension.lifted_at is not None:
        raise SuspensionLifted
    reaching = await _require_reach(tx, caller, suspension.person_id)
    await require_second_operator(
        tx, caller.id, suspension.suspended_by, cooling_off=cooling_off, reaching=reaching, roles=GUARDS
    )
    suspension.lifted_by, suspension.lifted_at, suspension.lift_reason = caller.id, now(), lifting.reason
    await tx.flush()
    if suspension.person_id:
        count = select(func.count()).select_from(Suspension).where(Suspension.person_id == suspension.person_id)
        revision = 2 * (await tx.scalar(count) or 0)
        await emit(tx, PersonResumed(person_id=suspension.person_id, revision=revision))
    if suspension.client_id:
        client = await tx.get_one(Client, suspension.client_id, with_for_update=True)
        client.stopped = False
        await standing.announce(tx, client)
    _record(tx, SUSPENSION_LIFTED, suspension)
    return suspension


def _record(tx: AsyncSession, event: SecurityEvent, suspension: Suspension) -> None:
    names = ("person_id", "client_id", "suspended_by", "lifted_by")
    about = {name: str(getattr(suspension, name)) for name in names if getattr(suspension, name)}
    record_on_commit(tx, event, suspension_id=suspension.id, **about)
