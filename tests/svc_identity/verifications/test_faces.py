"""Level 3 by face: the result that counts is that of one session, one person and one ID number."""

import time
from collections.abc import Callable

import httpx
import pytest
import time_machine
from joserfc import jwt

from chassis.db import Database
from chassis.testing import Tokens, once
from svc_identity.settings import Settings
from tests.deploy.sandboxes.processes import Sandbox
from tests.security_log import SecurityLog
from tests.svc_identity.app_client import bearer
from tests.svc_identity.conftest import NewAppClient, running
from tests.svc_identity.organisations.claim_decisions.conftest import events_about, new_resident
from tests.svc_identity.people.proofing.proofs import prove, refusal
from tests.svc_identity.people.proofing.test_names_change import NEW_NAME, rename
from tests.svc_identity.verifications.conftest import (
    VERIFICATIONS,
    Capture,
    Person,
    begin,
    begun,
    finish,
    verify,
)


async def test_the_right_face_gives_level_three_in_the_next_token(
    person: Person, capture: Capture, tokens: Tokens, database: Database, security_log: SecurityLog
) -> None:
    security_log.must_not_hold(person.id_number)
    done = await verify(person, capture, person.id_number)
    claims = jwt.decode((await person.client.renewed())["access_token"], tokens.key, ["ES256"]).claims
    assert claims["assurance_level"] == 3
    me = await person.me()
    assert (me["assurance_level"], me["verified_until"]) == (3, done["valid_until"])
    assert (await events_about(database, me["person_id"]))[-1] == (
        "person.proofed.v1",
        {"person_id": me["person_id"], "assurance_level": 3},
    )


async def test_what_is_kept_and_answered_holds_neither_name_nor_number(person: Person, capture: Capture) -> None:
    started = await begin(person)
    capture(started.json(), person.id_number)
    done = await finish(person, started.json())
    listed = await person.client.api.get(VERIFICATIONS, headers=person.headers)
    for answer in (started, done, listed):
        assert person.id_number not in answer.text
        assert "张" not in answer.text
    assert [each["status"] for each in listed.json()["items"]] == ["passed"]


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ({"face_of": "none"}, "other_person"),
        ({"outcome": "not_alive"}, "not_alive"),
        ({"outcome": "declined"}, "declined"),
    ],
)
async def test_another_face_a_picture_and_a_refusal_prove_nothing(
    person: Person, capture: Capture, shown: dict[str, str], reason: str
) -> None:
    started = await begun(person)
    capture(started, **shown)
    done = (await finish(person, started)).json()
    assert (done["status"], done["reason"], done["valid_until"]) == ("failed", reason, None)
    assert await person.level() == 2


async def test_finishing_is_possible_once_the_person_is_done_and_stays_as_it_is(
    person: Person, capture: Capture
) -> None:
    started = await begun(person)
    early = await finish(person, started)
    assert (refusal(early), early.headers["retry-after"]) == ((409, "verification_under_way"), "2")
    capture(started, person.id_number)
    answers = [(await finish(person, started)).json() for _ in range(3)]
    assert answers[0]["status"] == "passed"
    assert answers[1:] == answers[:1] * 2


async def test_a_token_is_good_for_one_capture(person: Person, capture: Capture) -> None:
    started = await begun(person)
    capture(started, "somebody else's")
    capture(started, person.id_number, status=409)
    assert (await finish(person, started)).json()["reason"] == "other_person"


async def test_nobody_finishes_what_another_person_began(person: Person, other: Person, capture: Capture) -> None:
    started = await begun(person)
    capture(started, person.id_number)
    assert refusal(await finish(other, started)) == (404, "not_found")
    assert [await person.level(), await other.level()] == [2, 2]


async def test_the_face_of_one_person_proves_nothing_about_another(
    person: Person, other: Person, capture: Capture
) -> None:
    """Sessions are swapped on the phones: each capture is about whom its session was opened for."""
    first, second = await begun(person), await begun(other)
    capture({"sdk_token": second["sdk_token"]}, person.id_number)
    capture({"sdk_token": first["sdk_token"]}, other.id_number)
    assert (await finish(person, first)).json()["reason"] == "other_person"
    assert (await finish(other, second)).json()["reason"] == "other_person"


async def test_a_result_about_another_request_is_refused(
    person: Person, capture: Capture, faults: Callable[..., None], security_log: SecurityLog
) -> None:
    started = await begun(person)
    capture(started, person.id_number)
    faults("faces", other_subject=1)
    assert (await finish(person, started)).json()["reason"] == "other_request"
    assert [line["reason"] for line in security_log.lines() if line["kind"] == "proof_failed"] == [
        "verification_other_request"
    ]
    assert (await finish(person, started)).json()["reason"] == "other_request"
    assert await person.level() == 2


async def test_a_name_that_changes_meanwhile_is_not_verified(
    person: Person, capture: Capture, settings: Settings
) -> None:
    started = await begun(person)
    capture(started, person.id_number)
    rename(settings, person.id_number)
    proved = await prove(person.client.api, person.signed_in, name=NEW_NAME, number=person.id_number)
    assert proved.json()["name"] == "王**"
    assert (await finish(person, started)).json()["reason"] == "other_request"


async def test_what_the_verifier_ended_or_nobody_finished_in_time_has_expired(
    person: Person, capture: Capture, faults: Callable[..., None]
) -> None:
    started = await begun(person)
    faults("faces", expired=1)
    assert (await finish(person, started)).json()["status"] == "expired"
    late = await begun(person)
    capture(late, person.id_number)
    with time_machine.travel(time.time() + 901):
        person.signed_in = await person.client.renewed()
        assert (await finish(person, late)).json()["status"] == "expired"


async def test_a_killed_verifier_loses_nothing(
    person: Person, capture: Capture, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sandbox = Sandbox("faces", tmp_path_factory.mktemp("killed"))
    async with running(settings, faces_url=sandbox.url) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        person.client.api = httpx.AsyncClient(transport=transport, base_url="https://gateway.test")
        refused = [refusal(await begin(person)) for _ in range(6)]
        assert refused == [(503, "verifier_unavailable")] * 6  # and they have cost no try
        with sandbox.running() as api:
            started = await begun(person)
            shown = {"sdk_token": started["sdk_token"], "face_of": person.id_number}
            assert api.post("/captures", json=shown).status_code == 200
        assert refusal(await finish(person, started)) == (503, "verifier_unavailable")
        with sandbox.running():
            assert (await finish(person, started)).json()["status"] == "passed"
        await person.client.api.aclose()


async def test_level_three_needs_a_proof_a_consent_and_an_outside_system(
    person: Person, new_app_client: NewAppClient, settings: Settings
) -> None:
    unproved = await new_resident(new_app_client)
    assert refusal(await begin(unproved)) == (403, "assurance_too_low")
    for version in (None, "1999-01-01"):
        refused = await begin(person, consent_version=version)
        assert (refusal(refused), refused.json()["activity"]) == ((409, "consent_required"), "face_verification")
    async with running(settings, faces_url="") as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://gateway.test") as api:
            body = {"method": "face"}
            answer = await api.post(VERIFICATIONS, json=body, headers=bearer(person.signed_in) | once())
            assert refusal(answer) == (409, "method_not_offered")
