"""Level 3 ends: with its time, the phone, a suspension, a consent and the account. The end is announced."""

import time
from collections.abc import Callable

import pytest
import time_machine
from sqlalchemy import text, update

from chassis.db import Database
from svc_identity.people.persons.models import Person as PersonRow
from svc_identity.people.persons.service import phone_index
from svc_identity.privacy.closures.service import close_due
from svc_identity.verifications.worker import end_what_is_over
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.oauth.suspensions.test_suspensions import SUSPENSIONS, suspended
from tests.svc_identity.organisations.claim_decisions.conftest import events_about
from tests.svc_identity.organisations.role_changes.requests import Headers
from tests.svc_identity.people.proofing.proofs import refusal
from tests.svc_identity.privacy.closures.test_closures import DAY, ask
from tests.svc_identity.privacy.exports.test_exports import export
from tests.svc_identity.verifications.conftest import (
    VERIFICATIONS,
    Capture,
    Person,
    begin,
    begun,
    finish,
    verify,
    withdraw_consent,
)

ENDED = "person.verification_ended.v1"


async def ends_announced(database: Database, person_id: str) -> list[int]:
    await end_what_is_over(database)
    await end_what_is_over(database)
    found = await events_about(database, person_id)
    return [said["assurance_level"] for kind, said in found if kind == ENDED]


async def test_level_three_ends_with_its_time_in_tokens_at_once_and_is_announced_once(
    person: Person, capture: Capture, database: Database
) -> None:
    await verify(person, capture, person.id_number)
    person_id = (await person.me())["person_id"]
    assert await ends_announced(database, person_id) == []
    await database_time(database, person_id)
    assert await person.level() == 2
    assert await ends_announced(database, person_id) == [2]
    listed = (await person.client.api.get(VERIFICATIONS, headers=person.headers)).json()["items"]
    assert listed[0]["ended_at"] is not None
    await verify(person, capture, person.id_number)
    assert await person.level() == 3


async def database_time(database: Database, person_id: str) -> None:
    """A year later, for this person."""
    async with database.transaction() as tx:
        for table, key in (("persons", "id"), ("verifications", "person_id")):
            column = "verified_until" if table == "persons" else "valid_until"
            await tx.execute(
                text(f"UPDATE {table} SET {column} = now() - interval '1 second' WHERE {key} = :id"),  # noqa: S608
                {"id": person_id},
            )


@pytest.mark.parametrize("new_phone_of", [new_phone, None])
async def test_level_three_ends_with_the_phone(
    person: Person, capture: Capture, database: Database, new_phone_of: Callable[[], str] | None
) -> None:
    await verify(person, capture, person.id_number)
    person_id = (await person.me())["person_id"]
    new = f"+86{new_phone_of()}" if new_phone_of else None
    async with database.transaction() as tx:
        changed = {"phone": new, "phone_index": phone_index(new) if new else None}
        await tx.execute(update(PersonRow).where(PersonRow.id == person_id).values(changed))
    assert await person.level() == 2
    assert await ends_announced(database, person_id) == [2]


async def test_level_three_does_not_outlive_a_suspension(
    person: Person, capture: Capture, database: Database, operator: Headers, second_operator: Headers
) -> None:
    await verify(person, capture, person.id_number)
    started = await begun(person)
    capture(started, person.id_number)
    person_id = (await person.me())["person_id"]
    api = person.client.api
    suspension = (await suspended(api, operator, subject="person", person_id=person_id))["suspension_id"]
    assert (await finish(person, started)).status_code == 401
    assert await ends_announced(database, person_id) == [2]
    lifted = await api.post(
        f"{SUSPENSIONS}/{suspension}/lift",
        json={"reason": "a mistake of ours"},
        headers=second_operator | {"Idempotency-Key": suspension},
    )
    assert lifted.status_code == 200, lifted.text
    with time_machine.travel(time.time() + 61):
        person.signed_in = await person.client.tokens(person.phone)
        assert await person.level() == 2


async def test_withdrawing_the_consent_to_faces_ends_what_a_face_gave_and_leaves_level_two(
    person: Person, capture: Capture, database: Database
) -> None:
    await verify(person, capture, person.id_number)
    started = await begun(person)
    capture(started, person.id_number)
    await withdraw_consent(person, "face_verification")
    assert await person.level() == 2
    assert await ends_announced(database, (await person.me())["person_id"]) == [2]
    assert refusal(await finish(person, started)) == (409, "consent_required")
    assert refusal(await begin(person, consent_version=None)) == (409, "consent_required")


async def test_withdrawing_another_consent_leaves_level_three(person: Person, capture: Capture) -> None:
    await begun(person, "network_certificate")
    await verify(person, capture, person.id_number)
    await withdraw_consent(person, "network_certificate")
    assert await person.level() == 3


async def test_withdrawing_the_proof_ends_both_levels(person: Person, capture: Capture, database: Database) -> None:
    await verify(person, capture, person.id_number)
    await withdraw_consent(person, "identity_proofing")
    await person.back()
    assert await person.level() == 1
    assert await ends_announced(database, (await person.me())["person_id"]) == [1]


async def test_the_export_has_every_verification_and_the_closure_erases_what_identifies(
    person: Person, capture: Capture, database: Database
) -> None:
    await verify(person, capture, person.id_number)
    person_id = (await person.me())["person_id"]
    kinds = (await export(person.client.api, person.headers)).json()["kinds"]
    assert [each["method"] for each in kinds["verifications"]] == ["face"]
    assert {each["activity"] for each in kinds["consents"]} >= {"face_verification"}
    assert "verification" in {each["purpose"] for each in kinds["personal_data_reads"]}
    await ask(person.client.api, person.headers)
    with time_machine.travel(time.time() + 15 * DAY + 60):
        await close_due(database)
    async with database.read() as tx:
        query = text("SELECT id_number_index, network_index, ended_at FROM verifications WHERE person_id = :id")
        (row,) = (await tx.execute(query, {"id": person_id})).all()
    assert (row.id_number_index, row.network_index) == (None, None)
    assert row.ended_at is not None
    assert await ends_announced(database, person_id) == []  # the closure has said more
