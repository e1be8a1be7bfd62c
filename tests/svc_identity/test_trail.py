"""What the tables' owner changes of persons, roles, clients and reads is found; the worker anchors the trail."""

from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from chassis.db import Database, new_id, now
from chassis.testing import once
from kit.audit.anchoring import Anchoring
from svc_identity.people.family_orders.models import FamilyOrder
from svc_identity.people.persons.models import Person
from svc_identity.settings import WorkerSettings
from svc_identity.trail import COMMAND, TRAIL
from svc_identity.verifications.models import Method, Verification
from svc_identity.worker import make_schedules
from tests.anchor_keys import anchor_key
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import browser_on, new_phone, proofed
from tests.svc_identity.identities import id_number, new_uscc
from tests.svc_identity.identities import proof as proof_of
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.suspensions.test_suspensions import lift, suspended
from tests.svc_identity.organisations.representation.test_representation import OWN
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.requests import decide, granted, propose_grant, propose_removal
from tests.svc_identity.organisations.test_factor_resets import propose as propose_reset
from tests.svc_identity.organisations.test_organisations import add, create
from tests.svc_identity.sign_in.phone_changes.changing import begun, codes, confirm, resident
from tests.tampering.trial import Proof, assert_every_change_is_found, forge, run_hourly, with_triggers_off

__all__ = ["platform"]

ME = "/identity/v1/me"
UNSEALED = {
    "mandates": {"phone_index", "name_index", "phone_masked"},
    "guardian_consents": {"child_index"},
    "family_orders": {"phone_index", "phone_masked", "name_index", "helper_name"},
    "family_accounts": {"phone_index", "name_index", "phone_masked", "helped_name", "helper_name", "reminders"},
    "proofing_attempts": {"id_number_index"},
    "factors": {"last_step", "sign_count", "used_at"},
    "phone_changes": {
        *("old_phone", "old_index", "new_phone", "new_index", "old_hash", "new_hash", "stop_hash", "browser_hash"),
        "challenge",
    },
    "passwords": {"hash"},
    "signing_key_terms": {"seen_at"},
    "verifications": {"id_number_index", "network_index", "session_id"},
}


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(COMMAND, (tmp_path / "anchors").as_uri())


def family_order(organisation_id: UUID, clerk_id: UUID) -> FamilyOrder:
    """What a clerk has set up for somebody at the counter."""
    person = {
        "name": "王大爷",
        "id_number": "65400219400101001X",
        "id_number_index": b"number",
        "reason": "identity card",
    }
    helper = {"phone_index": b"phone", "phone_masked": "138****0001", "name_index": b"name", "helper_name": "王*"}
    terms = {"scopes": ["bills"], "consent_version": "2026-12-01", "valid_until": now()}
    return FamilyOrder(organisation_id=organisation_id, ordered_by=clerk_id, **person, **helper, **terms)


async def play_family(here: Platform, mother: dict[str, str]) -> None:
    """A relative is invited, and two people register one child."""
    relative = {"phone": new_phone(), "name": "王五", "scopes": ["bills"]}
    invited = await here.api.post(f"{ME}/family-accounts", json=relative, headers=mother | once())
    assert invited.status_code == 201
    child = proof_of("王小宝", id_number(born="20200101"))
    for guardian, status in ((mother, 201), (await proofed(here.app_client(), new_phone()), 409)):
        answer = await here.api.post(f"{ME}/children", json=child, headers=guardian | once())
        assert answer.status_code == status
    async with here.database.transaction() as tx:
        person_id = (await tx.scalars(select(Person.id).limit(1))).one()
        tx.add(family_order(UUID(here.id), person_id))
        verification = {"method": Method.FACE, "client_id": "myili-app", "expires_at": now()}
        tx.add(Verification(person_id=person_id, **verification))


async def play(here: Platform) -> None:
    """Persons who prove who they are or fail to, staff who come and go, an approved provider, and reads of them."""
    operators = here.first, here.second
    _, auditor, _ = await here.person()
    change = await granted(here.api, operators, here.id, auditor, "auditor")
    removal = await propose_removal(here.api, here.first, here.id, change["membership_id"])
    await decide(here.api, here.second, removal.json()["role_change_id"], "reject")
    waiting = await propose_grant(here.api, here.second, here.id, new_phone(), "operator")
    assert waiting.status_code == 201
    team = (await create(here.api, here.first)).json()["organisation_id"]
    assert (await add(here.api, here.first, team, auditor, "county_team")).status_code == 201
    number = id_number()
    for name in ("张三", "李四", "张三"):  # the second one fails, and the third claims the number of the first
        client = here.app_client()
        headers = bearer(await client.tokens(new_phone()))
        body = proof_of(name, number)
        await client.api.post("/identity/v1/me/proofing", json=body, headers=headers | once())
        assert (await client.api.get("/identity/v1/me", headers=headers)).status_code == 200
        assert (await client.api.post("/identity/v1/me/closure", headers=headers | once())).status_code == 201
    representative = await proofed(here.app_client(), new_phone())
    claimed = await here.api.post(OWN, json={"uscc": new_uscc()}, headers=representative | once())
    assert claimed.status_code == 200
    path = f"{OWN}/{claimed.json()['organisation_id']}/mandates"
    mandate = {"phone": new_phone(), "name": "王五", "scopes": ["applications"], "division_codes": ["654002"]}
    assert (await here.api.post(path, json=mandate, headers=representative | once())).status_code == 201
    correction = {"about": "name", "division_code": "654002", "words": "户口簿上的姓名已变更"}
    asked = await here.api.post("/identity/v1/me/corrections", json=correction, headers=representative | once())
    assert asked.status_code == 201
    await play_family(here, representative)
    chosen = {"new_password": "薰衣草田里的旧拖拉机"}
    assert (await here.api.put("/identity/v1/me/password", json=chosen, headers=representative)).status_code == 200
    proposed = await propose_reset(here, here.first, auditor)
    assert proposed.status_code == 201
    async with here.database.transaction() as tx:
        await ProviderSystem().register(tx)
    for lifted in (True, False):
        suspension_id = (await suspended(here.api, here.first, subject="phone", phone=auditor))["suspension_id"]
        if lifted:
            assert (await lift(here.api, here.second, suspension_id)).status_code == 200


async def play_factors(here: Platform) -> None:
    """Somebody who sets a password and moves to another phone."""
    client, old, new = AppClient(browser_on(here.app), here.sms), new_phone(), new_phone()
    headers, _ = await resident(client, old)
    change = await begun(client, headers, new)
    moved = await confirm(client, headers, change, **await codes(client, old, new))
    assert moved.status_code == 200, moved.text
    password = {"new_password": "伊犁河谷的薰衣草 2026"}
    answer = await client.api.put("/identity/v1/me/password", json=password, headers=headers | once())
    assert answer.status_code < 300, answer.text


@pytest_asyncio.fixture
async def played(platform: Platform, proof: Proof) -> Platform:
    """The scene, anchored twice."""
    anchoring = Anchoring(TRAIL, proof.store_url, anchor_key())
    await play(platform)
    await play_factors(platform)
    await anchoring.anchor(platform.database)
    await platform.person()
    await anchoring.anchor(platform.database)
    return platform


async def test_every_random_change_is_found(played: Platform, proof: Proof) -> None:
    await assert_every_change_is_found(played.database, proof, UNSEALED)


async def test_a_row_that_another_role_writes_is_named(played: Platform, proof: Proof) -> None:
    membership_id, person_id = new_id(), await some_person(played.database)
    await forge(played.database, "memberships", id=membership_id, role="operator", person_id=person_id)
    assert await proof.findings(played.database) == [
        f"memberships {membership_id}: written by the database role postgres, not by the service."
    ]


async def some_person(database: Database) -> object:
    """Somebody without a role."""
    async with database.read() as tx:
        return await tx.scalar(text("SELECT id FROM persons WHERE id NOT IN (SELECT person_id FROM memberships)"))


async def test_the_worker_anchors_every_hour(platform: Platform, proof: Proof) -> None:
    of_worker = {"anchors": proof.store_url, "anchor_key": anchor_key()}
    schedules = make_schedules(WorkerSettings(**platform.settings.model_dump() | of_worker), platform.database)
    assert await run_hourly(schedules, proof) == [[1], [1], [1, 2], [1, 2]]


@pytest.mark.parametrize("taken", ["phone", "phone_index"])
async def test_taking_a_persons_phone_over_is_found(played: Platform, proof: Proof, taken: str) -> None:
    """Whoever has the phone of an operator signs in as that operator."""
    async with with_triggers_off(played.database) as tx:
        swapped = (
            f"UPDATE persons AS operator SET {taken} = thief.{taken} FROM persons AS thief "  # noqa: S608
            "WHERE thief.id NOT IN (SELECT person_id FROM memberships) AND operator.id IN "
            "(SELECT person_id FROM memberships WHERE role = 'operator' LIMIT 1) RETURNING operator.id"
        )
        operator_id = (await tx.scalars(text(swapped))).first()
        found = [finding async for finding in proof.of(tx)]
    assert [finding for finding in found if finding.startswith(f"persons {operator_id}: ") and taken in finding]


@pytest.mark.parametrize("taken", ["id_number", "id_number_index"])
async def test_a_number_that_is_given_to_a_person_without_one_is_found(
    played: Platform, proof: Proof, taken: str
) -> None:
    given = f"UPDATE persons SET {taken} = 'given' WHERE id_number IS NULL RETURNING id"  # noqa: S608 - our own names
    async with with_triggers_off(played.database) as tx:
        persons = list(await tx.scalars(text(given)))
        found = [finding async for finding in proof.of(tx)]
    assert len(persons) > 1
    for person_id in persons:
        assert [each for each in found if each.startswith(f"persons {person_id}: ") and taken in each]


async def test_erased_personal_data_is_nowhere_in_the_trail(played: Platform, proof: Proof) -> None:
    """Its columns are overwritten by the service; what is left in the seals can be compared with nothing."""
    columns = "phone, phone_index, name, id_number, id_number_index"
    encoded = ", ".join(f"encode({column}, 'hex') AS {column}" for column in columns.split(", "))
    async with played.database.transaction() as tx:
        before = await tx.execute(text(f"SELECT {encoded} FROM persons WHERE id_number IS NOT NULL LIMIT 1"))  # noqa: S608
        known = before.one()
        erased = (
            "UPDATE persons SET phone = uuid_send(uuidv7()), phone_index = uuid_send(uuidv7()), name = NULL, "
            "id_number = NULL, id_number_index = NULL, proofed_at = NULL, assurance_level = 1 "
            "WHERE id_number_index = decode(:number, 'hex')"
        )
        await tx.execute(text(erased), {"number": known.id_number_index})
    async with played.database.read() as tx:
        seals = " ".join(await tx.scalars(text("SELECT content::text FROM audit_seals")))
    assert await proof.findings(played.database) == []
    assert not [value for value in known if value in seals]
