"""Level 3 by network identity certificate: the code of one session, for the person who has proved the number."""

import asyncio
from collections.abc import Callable

from sqlalchemy import select

from chassis.db import Database
from svc_identity.verifications.models import Verification
from tests.svc_identity.identities import NAME
from tests.svc_identity.people.proofing.proofs import refusal
from tests.svc_identity.verifications.conftest import Person, begin, begun, confirm, finish

CERTIFICATE = "network_certificate"


async def test_a_certificate_gives_level_three_and_comes_back_with_the_state_of_the_app(person: Person) -> None:
    answer = await begin(person, CERTIFICATE, state="a-random-value-of-the-app")
    back = confirm(answer.json(), person.id_number)
    assert back["state"] == "a-random-value-of-the-app"
    done = (await finish(person, answer.json(), back["code"])).json()
    assert (done["status"], await person.level()) == ("passed", 3)
    assert done["valid_until"]


async def test_the_number_of_the_service_is_kept_as_a_digest_and_the_id_number_is_sent_once(
    person: Person, database: Database, faults: Callable[..., None]
) -> None:
    for turn in range(2):
        started = await begun(person, CERTIFICATE)
        back = confirm(started, person.id_number)
        answer = await finish(person, started, back["code"])
        assert answer.json()["status"] == "passed", turn
    async with database.read() as tx:
        query = select(Verification).where(Verification.network_index.is_not(None))
        rows = [row for row in await tx.scalars(query) if str(row.person_id) == (await person.me())["person_id"]]
    assert len(rows) == 1  # of the one in force
    assert len(rows[0].network_index or b"") == 32


async def test_the_certificate_of_another_person_proves_nothing(person: Person, other: Person) -> None:
    started = await begun(person, CERTIFICATE)
    back = confirm(started, other.id_number)
    assert (await finish(person, started, back["code"])).json()["reason"] == "other_person"
    assert await person.level() == 2


async def test_the_same_number_under_another_name_proves_nothing(person: Person) -> None:
    started = await begun(person, CERTIFICATE)
    back = confirm(started, person.id_number, name=f"{NAME}丰")
    assert (await finish(person, started, back["code"])).json()["reason"] == "other_person"


async def test_a_code_is_good_in_its_session_only_and_once(person: Person, other: Person) -> None:
    stolen, own = await begun(person, CERTIFICATE), await begun(person, CERTIFICATE)
    back = confirm(stolen, person.id_number)
    assert (await finish(person, own, back["code"])).json()["reason"] == "code_refused"
    assert (await finish(person, stolen, back["code"])).json()["status"] == "passed"
    replay = await begun(other, CERTIFICATE)
    assert (await finish(other, replay, back["code"])).json()["reason"] == "code_refused"
    assert refusal(await finish(other, stolen, back["code"])) == (404, "not_found")
    assert await other.level() == 2


async def test_of_requests_at_once_none_spoils_the_code_of_the_others(person: Person) -> None:
    for _ in range(3):
        started = await begun(person, CERTIFICATE)
        back = confirm(started, person.id_number)
        answers = await asyncio.gather(*(finish(person, started, back["code"]) for _ in range(8)))
        assert {each.json()["status"] for each in answers} == {"passed"}


async def test_a_code_of_another_order_is_refused(person: Person, faults: Callable[..., None]) -> None:
    started = await begun(person, CERTIFICATE)
    back = confirm(started, person.id_number)
    faults("network_identity", other_order=1)
    assert (await finish(person, started, back["code"])).json()["reason"] == "other_request"


async def test_nobody_is_sent_to_an_address_that_the_app_has_not_registered(person: Person) -> None:
    for change in (
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": None},
        {"state": None},
    ):
        assert refusal(await begin(person, CERTIFICATE, **change)) == (422, "return_address_unknown")


async def test_without_a_code_the_person_is_still_under_way(person: Person) -> None:
    started = await begun(person, CERTIFICATE)
    assert refusal(await finish(person, started)) == (409, "verification_under_way")
    back = confirm(started, person.id_number)
    assert (await finish(person, started, back["code"])).json()["status"] == "passed"


async def test_an_outage_decides_nothing(person: Person, faults: Callable[..., None]) -> None:
    faults("network_identity", unavailable=1)
    assert refusal(await begin(person, CERTIFICATE)) == (503, "verifier_unavailable")
    started = await begun(person, CERTIFICATE)
    back = confirm(started, person.id_number)
    faults("network_identity", unavailable=1)
    assert refusal(await finish(person, started, back["code"])) == (503, "verifier_unavailable")
    assert (await finish(person, started, back["code"])).json()["status"] == "passed"
