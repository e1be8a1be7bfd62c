"""Receipt verification: open to any holder, never reveals the payer, and answers all wrong codes alike."""

import asyncio
from datetime import datetime

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.db import CHINA, Database, new_id
from kit.papers import codes
from svc_payments.documents.receipts.words import words_in
from tests.svc_payments.documents.receipts.samples import text_of
from tests.svc_payments.world import World

VERIFICATIONS = "/payments/v1/receipt-verifications"
PAGE = "/payments/v1/verify-receipt"


async def printed_code(world: World) -> tuple[str, str]:
    """Print the receipt of a new payment; returns the payment's id and the printed code."""
    person = new_id()
    payment_id = await world.captured(person)
    answer = await world.get(person, payment_id, "/receipt.pdf")
    assert answer.status_code == 200, answer.text
    async with world.database.read() as tx:
        code = (await tx.execute(text("SELECT code FROM receipt_codes"))).scalar_one()
    assert codes.shown(code) in text_of(answer.content)
    return payment_id, code


async def test_only_the_payer_prints_a_receipt(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    assert (await world.get(new_id(), payment_id, "/receipt.pdf")).status_code == 404
    anonymous = await world.api.get(f"/payments/v1/payments/{payment_id}/receipt.pdf")
    assert anonymous.status_code == 401
    answer = await world.get(person, payment_id, "/receipt.pdf")
    number = (await world.get(person, payment_id, "/receipt")).json()["receipt_number"]
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'inline; filename="receipt-{number}.pdf"'
    assert answer.headers["cache-control"] == "no-store"


async def test_a_payment_without_money_has_no_receipt_to_print(world: World) -> None:
    person = new_id()
    answer = await world.get(person, await world.confirmed(person), "/receipt.pdf")
    assert (answer.status_code, answer.json()["code"]) == (409, "receipt_not_issued")


async def test_a_receipt_fetched_before_is_not_sent_again(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    first = await world.get(person, payment_id, "/receipt.pdf")
    headers = world.tokens.resident(person) | {"If-None-Match": first.headers["etag"]}
    again = await world.api.get(f"/payments/v1/payments/{payment_id}/receipt.pdf", headers=headers)
    assert (again.status_code, again.content) == (304, b"")


async def test_two_first_prints_at_once_give_one_code(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    papers = await asyncio.gather(*(world.get(person, payment_id, "/receipt.pdf") for _ in range(6)))
    assert len({paper.content for paper in papers}) == 1


async def test_anyone_who_holds_a_receipt_verifies_it(world: World) -> None:
    payment_id, code = await printed_code(world)
    answer = await world.api.get(f"{VERIFICATIONS}/{codes.shown(code).lower()}")
    assert answer.status_code == 200, answer.text
    verification = answer.json()
    assert verification.pop("receipt_number").startswith(f"{datetime.now(CHINA):%Y%m%d}")
    assert verification.pop("paid_on") == f"{datetime.now(CHINA):%Y-%m-%d}"
    assert verification == {
        "amount_fen": 4140,
        "refunded_fen": 0,
        "currency": "CNY",
        "provider_name": "Sample Water Company",
        "provider_kind": "water",
        "standing": "being_posted",
    }
    assert payment_id not in answer.text


async def test_every_wrong_code_is_answered_alike(world: World) -> None:
    _, code = await printed_code(world)
    other = codes.new_code()
    mistyped = code[:-1] + codes.ALPHABET[codes.ALPHABET.index(code[-1]) - 1]
    answers = [
        await world.api.get(f"{VERIFICATIONS}/{wrong}") for wrong in (other, mistyped, code[:10], "x" * 60, "%00")
    ]
    bodies = [{**answer.json(), "instance": None} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "receipt_not_found"


async def test_codes_and_receipts_are_never_changed(world: World, owner: Database) -> None:
    await printed_code(world)
    for statement in ("UPDATE receipt_codes SET code = 'x'", "DELETE FROM receipt_codes"):
        with pytest.raises(DBAPIError, match="only ever added to"):
            async with owner.transaction() as tx:
                await tx.execute(text(statement))


async def page(world: World, language: str, **query: str) -> httpx.Response:
    return await world.api.get(PAGE, params=query, headers={"Accept-Language": language})


@pytest.mark.parametrize("language", ["en", "kk-Arab", "ug", "zh"])
async def test_people_read_the_same_on_a_page(world: World, language: str) -> None:
    _, code = await printed_code(world)
    words = words_in(language)
    found = await page(world, language, code=code)
    assert found.status_code == 200
    for expected in (words["verified"], "¥41.40", "人民币肆拾壹元肆角", words["status_being_posted"]):
        assert expected in found.text
    assert f'dir="{words["direction"]}"' in found.text
    missing = await page(world, language, code=codes.new_code())
    assert (missing.status_code, words["not_verified"] in missing.text) == (404, True)
    empty = await page(world, language)
    assert (empty.status_code, words["verify_lead"] in empty.text) == (200, True)


async def test_the_page_runs_no_script_and_shows_markup_as_text(world: World) -> None:
    answer = await page(world, "zh", code='"><script>alert(1)</script>')
    assert "<script>" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
