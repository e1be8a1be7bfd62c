"""The ticket of an export, and what svc_identity itself puts into the file."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from kit.my_data import AUDIENCE, TYPE, MyData, records
from svc_identity.keys import Signer
from svc_identity.oauth.app_access.models import AppAccess
from svc_identity.oauth.models import TokenFamily
from svc_identity.organisations.models import Membership
from svc_identity.people.children.models import GuardianConsent
from svc_identity.people.consents.models import Consent
from svc_identity.people.factors.models import Factor
from svc_identity.people.families import service as families
from svc_identity.people.families.models import FamilyAccount
from svc_identity.people.identity_claims.models import IdentityClaim
from svc_identity.people.passwords.models import Password
from svc_identity.people.personal_data.models import PersonalDataRead, Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import known_person
from svc_identity.people.proofing.models import ProofingAttempt
from svc_identity.privacy.corrections import service as corrections
from svc_identity.privacy.data_reads.models import DataRead
from svc_identity.privacy.exports import schemas
from svc_identity.sign_in.models import KnownDevice
from svc_identity.sign_in.phone_changes.models import PhoneChange
from svc_identity.verifications.models import Verification

SECONDS = 300
PATH = "/my-data"


async def issue_ticket(tx: AsyncSession, signer: Signer, caller: Caller, public_url: str) -> schemas.ExportTicket:
    """A ticket with which the caller's data is read in every service, for five minutes while the sign-in lasts."""
    person = await known_person(tx, caller.id)
    ticket = signer.sign(TYPE, SECONDS, aud=AUDIENCE, sub=str(person.id), client_id=caller.client_id, sid=caller.sid)
    return schemas.ExportTicket(ticket=ticket, expires_in=SECONDS, url=f"{public_url}{PATH}")


async def my_data(tx: AsyncSession, person_id: UUID) -> MyData:
    """Everything that svc_identity holds of a person. What is decrypted for it is logged as a read of their own."""
    person = await known_person(tx, person_id)
    mine = _by_person(person)
    kinds = {model.__tablename__: await records(tx, model, *which, without=hidden) for model, which, hidden in mine}
    own_words = {"corrections": await corrections.exported(tx, person_id)}
    return MyData(service="identity", kinds={"persons": [await _clear(tx, person)], **own_words, **kinds})


def _by_person(person: Person) -> list[tuple[Any, list[Any], tuple[str, ...]]]:
    by_id: tuple[Any, ...] = (
        Consent,
        AppAccess,
        TokenFamily,
        Factor,
        Membership,
        ProofingAttempt,
        Verification,
        DataRead,
    )
    # Who read and who decided is an auditor's to know, by the id of the record.
    return [
        *((model, [model.person_id == person.id], ()) for model in by_id),
        (PersonalDataRead, [PersonalDataRead.person_id == person.id], ("reader",)),
        (
            IdentityClaim,
            [or_(IdentityClaim.claimant_id == person.id, IdentityClaim.holder_id == person.id)],
            ("claimant_id", "holder_id", "reviewed_by", "returned_by", "decided_by", "reason", "return_reason"),
        ),
        (Password, [Password.person_id == person.id], ("hash",)),
        (
            PhoneChange,
            [PhoneChange.person_id == person.id],
            ("new_phone", "displaced_id", "old_hash", "new_hash", "stop_hash", "challenge"),
        ),
        (GuardianConsent, [GuardianConsent.guardian_id == person.id], ()),
        (FamilyAccount, [families.of_person(person)], ("ended_by", "reminders")),
        (KnownDevice, [KnownDevice.phone_index == person.phone_index], ()),
    ]


async def _clear(tx: AsyncSession, person: Person) -> dict[str, Any]:
    fields = ["phone", "name", "id_number"]
    reader, why = str(person.id), Purpose.OWN_PROFILE
    clear = (await read_personal_data(tx, [person.id], fields, reader=reader, purpose=why))[person.id]
    return {
        "id": person.id,
        "phone": clear.phone,
        "name": clear.name,
        "id_number": clear.id_number,
        "assurance_level": person.level,
        "proofed_at": person.proofed_at,
        "verified_until": person.verified_until,
        "created_at": person.created_at,
    }
