"""The only way to read personal data in the clear; every use leaves a row in `personal_data_reads`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from svc_identity.people.personal_data.models import PersonalDataRead, Purpose
from svc_identity.people.persons.models import Person

APP_READER = "app:"
"""Before the client_id of an app that reads with what its person has allowed."""


@dataclass(frozen=True)
class PersonalData:
    """The requested fields of one person; the rest is None. `repr` shows nothing, so that no log can."""

    phone: str | None = None
    name: str | None = None
    id_number: str | None = None

    def __repr__(self) -> str:
        return "PersonalData(…)"


def record_read(tx: AsyncSession, person_id: UUID, fields: Sequence[str], *, reader: str, purpose: Purpose) -> None:
    """Log a read of what another table holds of a person."""
    tx.add(PersonalDataRead(person_id=person_id, reader=reader, fields=list(fields), purpose=purpose))


async def read_personal_data(
    tx: AsyncSession, person_ids: Sequence[UUID], fields: Sequence[str], *, reader: str, purpose: Purpose
) -> dict[UUID, PersonalData]:
    """Read decrypted fields of persons.

    Args:
        tx: the transaction that also writes the log of this read.
        person_ids: the persons whose data is read.
        fields: of `phone`, `name` and `id_number`.
        reader: the subject of the caller's token, or `APP_READER` and the client_id of another's app.
        purpose: why.
    """
    columns = [undefer(getattr(Person, name)) for name in fields]
    persons = (await tx.scalars(select(Person).where(Person.id.in_(person_ids)).options(*columns))).all()
    for person in persons:
        record_read(tx, person.id, fields, reader=reader, purpose=purpose)
    return {person.id: PersonalData(**{name: getattr(person, name) for name in fields}) for person in persons}
