"""A person loses their proved identity: by an upheld claim on the ID number, or by withdrawing the consent to it.

What stood on that identity ends with it and does not come back with another proof: what others allow is proposed anew.
The caller locks the roles before the person's row.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.organisations.lost_identities.models import IdentityNews, IdentityNotice
from svc_identity.organisations.mandates import service as mandates
from svc_identity.organisations.representation import service as representation
from svc_identity.organisations.role_changes import service as role_changes
from svc_identity.people.families import service as families
from svc_identity.people.persons.events import PersonProofingRevoked
from svc_identity.people.persons.models import PHONE_ONLY, Person

IDENTITY_LOST = SecurityEvent("identity_lost")
EndSignIns = Callable[[AsyncSession, UUID], Awaitable[None]]
"""Ends all sign-ins of a person, so that no service takes the level of before from a token."""


def _end_sign_ins(request: Request) -> EndSignIns:
    return cast("EndSignIns", request.app.state.end_sign_ins)


SignInsEnd = Annotated[EndSignIns, Depends(_end_sign_ins)]


async def lose(tx: AsyncSession, person: Person, why: str, *, end_sign_ins: EndSignIns) -> None:
    """Return a person to level 1 and end what their proved identity gave them; roles and the person are locked."""
    await families.end_all_of(tx, person.id)
    await mandates.end_all_of(tx, person.id)
    await representation.end_all_of(tx, person.id)
    await role_changes.end_all_of(tx, person.id)
    person.forget_proof()
    tx.add(IdentityNotice(person_id=person.id, what=IdentityNews.LOST))
    await tx.flush()
    await end_sign_ins(tx, person.id)
    await emit(tx, PersonProofingRevoked(person_id=person.id, assurance_level=PHONE_ONLY))
    record_on_commit(tx, IDENTITY_LOST, why, person_id=person.id)
