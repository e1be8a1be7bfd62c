"""A resident disputes a bill: nobody is cut off for it until that is decided, whoever comes first."""

import asyncio
from uuid import UUID

import httpx
import pytest_asyncio

from chassis.db import Database, new_id
from chassis.testing import once
from svc_services.starter import load_calendar
from tests.svc_services.accounts.bindings.stored import code
from tests.svc_services.cases.applications.cases import YINING
from tests.svc_services.supervision.complaints.filed import COMPLAINTS, RECEIVED, SAID, TO_AUTHORITY, office
from tests.svc_services.supervision.scenes import done
from tests.svc_services.supply.arrears.conftest import Claim, Json


@pytest_asyncio.fixture(autouse=True)
async def _calendar(claim: Claim, database: Database) -> None:
    await load_calendar(database)
    await claim.calendar()


async def complain(claim: Claim, person: UUID | None = None, bill: int = 0) -> httpx.Response:
    body = {
        "subject": "bill",
        "provider_id": str(claim.house.provider_id),
        "division_code": YINING,
        "bill_id": str(claim.bill_ids[bill]),
        "words": "nobody lived there that month",
    }
    headers = claim.house.tokens.resident(person or claim.house.owner_id) | once()
    return await claim.api.post(COMPLAINTS, json=body, headers=headers)


async def disputed(claim: Claim, bill: int = 0) -> Json:
    answer = await complain(claim, bill=bill)
    assert answer.status_code == 201, answer.text
    shown: Json = answer.json()
    return shown


async def decide(claim: Claim, complaint_id: str) -> None:
    """Accept, answer, and confirm it."""
    tokens, path = claim.house.tokens, f"{RECEIVED}/{complaint_id}"
    await done(claim.api, f"{path}/accept", office(tokens), TO_AUTHORITY)
    await done(claim.api, f"{path}/answer", office(tokens), SAID)
    assert (await claim.shown())["disputed"]
    await done(claim.api, f"{COMPLAINTS}/{complaint_id}/confirm", tokens.resident(claim.house.owner_id))


async def test_an_announced_cut_off_is_void_until_the_dispute_is_decided(claim: Claim) -> None:
    await claim.announced()
    complaint = await disputed(claim)
    assert complaint["subject_verified"]
    shown = await claim.shown()
    assert (shown["disputed"], shown["status"], shown["cut_off_on"]) == (True, "open", None)
    assert (await claim.mine())[0]["disputed"]
    assert code(await claim.act("cut-off")) == (409, "arrears_disputed")
    assert code(await claim.announce(3)) == (409, "arrears_disputed")
    assert (await claim.told())[-1][1:] == ("dispute", "open", [str(claim.house.owner_id)])
    await decide(claim, complaint["complaint_id"])
    assert not (await claim.shown())["disputed"]
    assert code(await claim.act("cut-off")) == (409, "cut_off_not_due")
    assert (await claim.announce(3)).status_code == 200
    steps = [each[:2] for each in await claim.steps()]
    assert steps[2:] == [("dispute", False), ("decide_dispute", False), ("announce_cut_off", True)]


async def test_a_dispute_that_comes_before_the_answer_of_payments_stops_the_cut_off(claim: Claim) -> None:
    await claim.announced()
    await claim.report_cut_off()
    await disputed(claim)
    await claim.answer(12_300)
    shown = await claim.shown()
    assert (shown["status"], shown["cut_off_pending"], shown["disputed"]) == ("open", False, True)


async def test_a_dispute_and_a_cut_off_at_once_end_in_one_of_the_two(claim: Claim) -> None:
    await claim.announced()
    await claim.report_cut_off()
    answer, _ = await asyncio.gather(complain(claim), claim.answer(12_300))
    shown = await claim.shown()
    assert answer.status_code == 201
    assert (shown["status"], shown["disputed"]) in {("cut_off", False), ("open", True)}
    assert ("cut_off" in [each["action"] for each in shown["steps"]]) == (shown["status"] == "cut_off")


async def test_a_dispute_from_before_the_notice_counts_once_its_bills_are_known(claim: Claim) -> None:
    assert not (await disputed(claim))["subject_verified"]
    await claim.open()
    assert not (await claim.shown())["disputed"]
    await claim.said(12_300)
    assert (await claim.shown())["disputed"]


async def test_strangers_stop_nothing_and_a_bill_is_disputed_once(claim: Claim) -> None:
    await claim.announced()
    assert (await complain(claim, person=new_id())).status_code == 201
    assert not (await claim.shown())["disputed"]
    first = await disputed(claim)
    await decide(claim, first["complaint_id"])
    await disputed(claim)
    assert not (await claim.shown())["disputed"]
    await disputed(claim, bill=1)
    assert (await claim.shown())["disputed"]


async def test_a_refusal_that_is_disputed_stops_it_until_the_operators_answer(claim: Claim) -> None:
    await claim.announced()
    tokens, complaint_id = claim.house.tokens, (await disputed(claim))["complaint_id"]
    path, mine = f"{RECEIVED}/{complaint_id}", f"{COMPLAINTS}/{complaint_id}"
    await done(claim.api, f"{path}/refuse", office(tokens), SAID)
    assert not (await claim.shown())["disputed"]
    await done(claim.api, f"{mine}/dispute", tokens.resident(claim.house.owner_id), SAID)
    assert (await claim.shown())["disputed"]
    await done(claim.api, f"{path}/answer", office(tokens, "operator"), SAID)
    assert not (await claim.shown())["disputed"]
