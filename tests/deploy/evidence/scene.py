"""The databases of all services under their own names, with people in them, and the auditor's role."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from joserfc.jwk import ECKey
from sqlalchemy import URL, make_url

from chassis.db import Database, new_id, now
from chassis.migrations import Roles, administrator
from contracts.documents import placeholder_settings
from deploy.evidence.settings import SERVICES
from kit.audit.anchoring import Anchoring
from kit.environment import environment
from svc_identity.keys import Signer
from svc_identity.oauth.signing_keys.service import note_signing_key
from svc_identity.organisations.models import Membership, Role
from svc_identity.organisations.service import platform
from svc_identity.people.consents.activities import Activity
from svc_identity.people.consents.models import Way
from svc_identity.people.consents.service import Given, give
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.service import id_number_index, person_of_phone
from svc_identity.privacy.closures import service as closures
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from svc_identity.trail import TRAIL
from svc_identity.vault.encryption import use_keys_of
from svc_payments.oversight.incidents.models import Incident, IncidentKind
from svc_payments.parties.accounts.models import AccountBinding
from tests.anchor_keys import anchor_key
from tests.databases import upgrade_in_thread
from tests.svc_identity.identities import id_number

NAME, PHONE, CLERKS_PHONE = "古丽努尔", "+8613800001111", "+8613900002222"
ACCOUNT = "HU-7720031945"
SIGNER = Signer("https://gateway.test/identity", ECKey.generate_key("P-256").as_pem(private=True).decode())
"""Signs the tokens of the platform under audit."""


@dataclass(frozen=True)
class Scene:
    server: URL
    """As its administrator."""
    personal: tuple[str, ...]
    """What must stand nowhere in the pack."""
    version: str
    """Of the documents that were agreed to."""


async def staged(postgres_url: str, store_url: str) -> Scene:
    """New databases, in which a resident agreed, was read by a clerk, exported, and closes the account."""
    server = make_url(postgres_url).set(drivername="postgresql+asyncpg")
    urls = {}
    for service in SERVICES:
        name = Roles.of(f"svc_{service}").runtime
        async with administrator(server, "postgres") as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        urls[service] = upgrade_in_thread(f"svc_{service}", server.set(database=name))
    personal = await _play_identity(urls["identity"], store_url)
    await _play_payments(urls["payments"], UUID(personal[-1]))
    digits = tuple(phone.removeprefix("+86") for phone in (PHONE, CLERKS_PHONE))
    return Scene(server, (*personal, *digits, ACCOUNT), "2026-12-01")


async def _play_identity(url: URL, store_url: str) -> tuple[str, ...]:
    with environment(**placeholder_settings()):
        use_keys_of(Settings())
    database, number = Database(url), id_number()
    await load_starter_data(database)
    async with database.transaction() as tx:
        person, clerk = await person_of_phone(tx, PHONE), await person_of_phone(tx, CLERKS_PHONE)
        person.remember_proof(NAME, number, id_number_index(number))
        for activity in (Activity.ACCOUNT, Activity.IDENTITY_PROOFING):
            await give(tx, person.id, activity, Given("2026-12-01", Way.APP, "zh"))
        home = await platform(tx)
        since = now() - timedelta(minutes=1)
        until = now() + timedelta(days=9)
        tx.add(
            Membership(
                organisation_id=home.id, person_id=clerk.id, role=Role.AUDITOR, created_at=since, expires_at=until
            )
        )
        await tx.flush()
        for reader, purpose in ((clerk.id, Purpose.MEMBER_LIST), (person.id, Purpose.OWN_PROFILE)):
            fields = ["phone", "name", "id_number"]
            await read_personal_data(tx, [person.id], fields, reader=str(reader), purpose=purpose)
        await closures.request(tx, person.id, timedelta(days=15))
    await note_signing_key(database, SIGNER)
    await Anchoring(TRAIL, store_url, anchor_key()).anchor(database)
    await database.close()
    return NAME, number, str(clerk.id), str(person.id)


async def _play_payments(url: URL, person_id: UUID) -> None:
    database = Database(url)
    async with database.transaction() as tx:
        binding = {"binding_id": new_id(), "person_id": person_id, "provider_id": new_id(), "account_number": ACCOUNT}
        tx.add(AccountBinding(**binding, role="owner", bound_at=now()))
        tx.add(Incident(kind=IncidentKind.MONEY_HELD, subject=str(person_id), details={}))
    await database.close()
