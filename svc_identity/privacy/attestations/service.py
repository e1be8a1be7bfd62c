"""Attestations: signed statements with which a person takes their name to another service."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import AssuranceTooLow, Caller
from kit.security_log import record_on_commit
from svc_identity.keys import Signer
from svc_identity.oauth.security_log import TOKEN_ISSUED
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import PROOFED
from svc_identity.people.persons.service import known_person
from svc_identity.privacy.attestations import schemas

AUDIENCE = "myili:services"
SECONDS = 300


async def attest(tx: AsyncSession, signer: Signer, caller: Caller, new: schemas.NewAttestation) -> schemas.Attestation:
    """A statement of the caller's proved name, for one use within five minutes.

    Raises:
        AssuranceTooLow: their name was never proved.
    """
    person = await known_person(tx, caller.id)
    if person.assurance_level < PROOFED:
        raise AssuranceTooLow(required=PROOFED)
    clear = await read_personal_data(tx, [person.id], ["name"], reader=caller.subject, purpose=Purpose.ATTESTATION)
    statement = signer.sign(
        "attestation+jwt",
        SECONDS,
        aud=AUDIENCE,
        sub=str(person.id),
        name=clear[person.id].name,
        purpose=new.purpose,
    )
    record_on_commit(tx, TOKEN_ISSUED, "attestation", person_id=person.id)
    return schemas.Attestation(attestation=statement, expires_in=SECONDS)
