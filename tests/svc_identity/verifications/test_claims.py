"""A claim on an ID number is decided by the face or certificate of its claimant, unless the holder has level 3 too."""

import asyncio
from typing import Any

from sqlalchemy import text

from chassis.db import Database
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.identities import NAME
from tests.svc_identity.organisations.claim_decisions.conftest import (
    CLAIMS,
    MINE,
    clash_between,
    events_about,
    new_resident,
)
from tests.svc_identity.organisations.role_changes.requests import Headers, granted
from tests.svc_identity.people.proofing.proofs import refusal
from tests.svc_identity.verifications.conftest import (
    Capture,
    Clash,
    Counter,
    begin,
    begun,
    confirm,
    finish,
    verify,
    withdraw_consent,
)


async def claim_of(clash: Clash) -> dict[str, Any]:
    listed = await clash.claimant.client.api.get(MINE, headers=clash.claimant.headers)
    found: dict[str, Any] = listed.json()["items"][0]
    return found


async def levels(clash: Clash) -> tuple[int, int]:
    """Of both; the holder signs in anew where losing the identity has ended the sign-in."""
    if "assurance_level" not in await clash.holder.me():
        await clash.holder.back()
    holder, claimant = await clash.holder.me(), await clash.claimant.me()
    return holder["assurance_level"], claimant["assurance_level"]


async def test_the_face_of_the_claimant_moves_the_number_at_once(
    clash: Clash, capture: Capture, database: Database
) -> None:
    done = await verify(clash.claimant, capture, clash.id_number)
    assert await levels(clash) == (1, 3)
    claim = await claim_of(clash)
    assert (done["claim_id"], claim["status"], claim["verdict"]) == (claim["claim_id"], "verified", "upheld")
    holder, claimant = await clash.holder.me(), await clash.claimant.me()
    assert (holder["name"], claimant["name"]) == (None, "张*")
    said = (await events_about(database, claim["claim_id"]))[-1]
    assert (said[0], said[1]["verdict"]) == ("identity_claim.decided.v1", "upheld")
    kinds = [kind for kind, _ in await events_about(database, holder["person_id"])]
    assert kinds[-1] == "person.proofing_revoked.v1"
    async with database.read() as tx:
        query = text("SELECT num_nulls(name, id_number, id_number_index) FROM identity_claims WHERE id = :id")
        assert await tx.scalar(query, {"id": claim["claim_id"]}) == 3


async def test_the_certificate_of_the_claimant_does_too(clash: Clash) -> None:
    started = await begun(clash.claimant, "network_certificate")
    back = confirm(started, clash.id_number, NAME)
    assert (await finish(clash.claimant, started, back["code"])).json()["status"] == "passed"
    assert await levels(clash) == (1, 3)


async def test_a_thief_of_papers_has_another_face(clash: Clash, capture: Capture) -> None:
    started = await begun(clash.claimant)
    capture(started, "the thief's")
    assert (await finish(clash.claimant, started)).json()["reason"] == "other_person"
    assert await levels(clash) == (2, 1)
    assert (await claim_of(clash))["status"] == "open"


async def test_between_two_of_level_three_the_counter_decides_as_before(
    clash: Clash, capture: Capture, counter: Counter
) -> None:
    await verify(clash.holder, capture, clash.id_number)
    done = await verify(clash.claimant, capture, clash.id_number)
    assert done["valid_until"] is None
    assert await levels(clash) == (3, 1)
    assert (await claim_of(clash))["status"] == "open"
    assert (await counter.review(clash.number)).status_code == 200
    assert (await counter.confirm(clash.number)).status_code == 200
    assert await levels(clash) == (1, 2)


async def test_what_a_clerk_has_looked_at_the_supervisor_decides(clash: Clash, counter: Counter) -> None:
    started = await begun(clash.claimant)
    assert (await counter.review(clash.number, "rejected")).status_code == 200
    refused = await begin(clash.claimant)
    assert (refusal(refused), refused.json()["claim_number"]) == ((409, "claim_at_counter"), clash.number)
    assert (await finish(clash.claimant, started)).json()["reason"] == "identity_changed"
    assert await levels(clash) == (2, 1)


async def test_the_number_of_somebody_with_a_role_moves_at_counters_only(
    clash: Clash, capture: Capture, counter: Counter, operator: Headers, second_operator: Headers
) -> None:
    console = clash.holder.client.api
    await granted(console, (operator, second_operator), counter.id, clash.holder.phone, "clerk")
    done = await verify(clash.claimant, capture, clash.id_number)
    assert (done["valid_until"], (await claim_of(clash))["status"]) == (None, "open")
    assert await levels(clash) == (2, 1)


async def test_two_claimants_at_once_are_one_owner(
    clash: Clash, capture: Capture, new_app_client: NewAppClient
) -> None:
    other = await clash_between(clash.holder, await new_resident(new_app_client), clash.id_number)
    begun_ones = [await begun(each) for each in (clash.claimant, other.claimant)]
    for each in begun_ones:
        capture(each, clash.id_number)
    claimants = (clash.claimant, other.claimant)
    answers = await asyncio.gather(*(finish(who, each) for who, each in zip(claimants, begun_ones, strict=True)))
    assert [answer.status_code for answer in answers] == [200, 200]
    found = sorted([(await who.me())["assurance_level"] for who in claimants])
    assert found == [1, 3]


async def test_a_claim_whose_holder_has_given_the_number_up_is_shown_and_decided(
    clash: Clash, counter: Counter, capture: Capture
) -> None:
    await withdraw_consent(clash.holder, "identity_proofing")
    seen = await counter.clerk.client.api.get(f"{CLAIMS}/{clash.number}", headers=counter.clerk.headers)
    assert (seen.status_code, seen.json()["holder_phone"]) == (200, None)
    await verify(clash.claimant, capture, clash.id_number)
    assert await levels(clash) == (1, 3)
