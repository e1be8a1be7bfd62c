from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import AssuranceTooLow
from chassis.db import new_id
from chassis.outbox import emit
from chassis.tokens import TokenInvalid
from kit.fields.phones import mask_phone
from svc_identity.people.names import mask_name
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons import schemas
from svc_identity.people.persons.events import PersonRegistered
from svc_identity.people.persons.models import PROOFED, VERIFIED, Person
from svc_identity.vault.blind_indexes import Index, blind_index
from svc_identity.vault.reindexing import settle


def phone_index(phone: str) -> Index:
    return blind_index("persons.phone", phone)


def id_number_index(id_number: str) -> Index:
    return blind_index("persons.id_number", id_number)


async def person_of_phone(tx: AsyncSession, phone: str) -> Person:
    """The person of a phone (E.164); registered now when there is none."""
    index = phone_index(phone)
    await settle(tx, index)
    registered = await tx.scalar(
        insert(Person)
        .values(id=new_id(), phone=phone, phone_index=index)
        .on_conflict_do_nothing(index_elements=[Person.phone_index])
        .returning(Person.id)
    )
    if registered:
        await emit(tx, PersonRegistered(person_id=registered))
    return (await tx.scalars(select(Person).where(Person.phone_index == index))).one()


async def registered(tx: AsyncSession, phone: str) -> UUID | None:
    """The id of the person of a phone (E.164), if there is one."""
    person_id: UUID | None = await tx.scalar(select(Person.id).where(Person.phone_index == phone_index(phone)))
    return person_id


async def known_person(tx: AsyncSession, person_id: UUID, *, for_update: bool = False) -> Person:
    """The person a token names.

    Raises:
        TokenInvalid: the token is one of ours, but its person is unknown or has closed their account.
    """
    person = await tx.get(Person, person_id, with_for_update=for_update)
    if person is None or person.closed_at:
        raise TokenInvalid
    return person


def require_proofed(person: Person) -> None:
    """Refuse a person whose identity is not proved now, though a token may still say so.

    Raises:
        AssuranceTooLow
    """
    if person.assurance_level < PROOFED:
        raise AssuranceTooLow(required=PROOFED)


async def own_profile(tx: AsyncSession, person_id: UUID) -> schemas.Me:
    person = await known_person(tx, person_id)
    clear = (
        await read_personal_data(tx, [person.id], ["phone", "name"], reader=str(person_id), purpose=Purpose.OWN_PROFILE)
    )[person.id]
    return schemas.Me(
        person_id=person.id,
        phone=mask_phone(clear.phone or ""),
        name=mask_name(clear.name) if clear.name else None,
        assurance_level=person.level,
        verified_until=person.verified_until if person.level == VERIFIED else None,
        created_at=person.created_at,
    )
