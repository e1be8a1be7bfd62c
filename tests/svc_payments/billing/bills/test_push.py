"""Bills pushed one by one get the checks and outcomes of rows in a bill file."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_payments.billing.bills.models import Bill
from tests.svc_payments.billing.bills.pushes import URL, bill, bill_of, outcomes, push
from tests.svc_payments.billing.files.files import counts, file_of, row, upload, uploader
from tests.svc_payments.billing.files.test_rows import FAULTS
from tests.svc_payments.conftest import approved_provider


async def test_pushed_bills_are_stored_with_their_ids(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    answer = await push(api, headers, bill("W-1"), bill("W-2", amount_fen=1, expires_on="2027-10-25"))
    assert outcomes(answer) == ["accepted", "accepted"]
    first, second = await bill_of(database, "W-1"), await bill_of(database, "W-2")
    assert [each["bill_id"] for each in answer.json()["bills"]] == [str(first.id), str(second.id)]
    assert (first.amount_fen, first.bill_file_id, first.expires_on) == (2875, None, None)
    assert (second.amount_fen, str(second.expires_on)) == (1, "2027-10-25")


async def test_a_bill_sent_again_is_unchanged_and_another_is_an_amendment(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill())
    assert outcomes(await push(api, headers, bill())) == ["unchanged"]
    changed = bill(amount_fen=2000, reason="meter_error", note="表号 7 读错")
    assert outcomes(await push(api, headers, changed)) == ["amended"]
    assert outcomes(await push(api, headers, changed)) == ["unchanged"]
    now = await bill_of(database)
    assert (now.version, now.reason, now.note) == (2, "meter_error", "表号 7 读错")


async def test_push_and_file_are_equivalent(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert counts(await upload(api, headers, file_of(row("W-1"), row("W-2")))) == {"accepted": 2}
    assert outcomes(await push(api, headers, bill("W-1"), bill("W-3"))) == ["unchanged", "accepted"]
    answer = await upload(api, headers, file_of(row("W-3"), row("W-3", amount="1")))
    assert counts(answer) == {"unchanged": 1, "refused": 1}


async def test_the_first_of_a_repeated_number_counts(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    bills = (bill("W-1", usage="x"), bill("W-1"), bill("W-1"), bill("W-1", amount_fen=1))
    answer = await push(api, headers, *bills)
    assert outcomes(answer) == ["bad_usage", "accepted", "unchanged", "duplicate_in_file"]
    results = answer.json()["bills"]
    assert results[0]["bill_id"] is None
    assert results[1]["bill_id"] == results[2]["bill_id"] == results[3]["bill_id"]


@pytest.mark.parametrize(
    ("reason", "columns"),
    [(reason, columns) for reason, columns in FAULTS if "amount" not in columns],
    ids=lambda value: str(value)[:40],
)
async def test_the_reasons_are_those_of_rows(
    api: httpx.AsyncClient, headers: dict[str, str], reason: str, columns: dict[str, str]
) -> None:
    assert outcomes(await push(api, headers, bill(**columns), bill("W-2"))) == [reason, "accepted"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"amount_fen": 0}, "amount_not_positive"),
        ({"amount_fen": -1}, "amount_not_positive"),
        ({"amount_fen": 100_000_001}, "amount_too_large"),
        ({"amount_fen": 10**15}, "amount_too_large"),
        ({"expires_on": "2026-10-24"}, "bad_expiry"),
        ({"expires_on": "2037-01-01"}, "bad_expiry"),
        ({"expires_on": "2026-02-30"}, "bad_expiry"),
        ({"supersedes": "a b"}, "bad_supersedes"),
        ({"supersedes": "W-1"}, "bad_supersedes"),
        ({"supersedes": "W-0"}, "superseded_unknown"),
        ({"reason": "whim"}, "bad_reason"),
        ({"reason": "past_expiry"}, "bad_reason"),
        ({"note": "x" * 201}, "bad_note"),
        ({"note": "two\nlines"}, "bad_note"),
        ({"bill_number": "\0"}, "bad_bill_number"),
    ],
)
async def test_a_faulty_bill_is_reported_and_the_others_are_accepted(
    api: httpx.AsyncClient, headers: dict[str, str], fields: dict[str, Any], reason: str
) -> None:
    answer = await push(api, headers | {"Accept-Language": "en"}, bill(**fields), bill("W-2"))
    assert outcomes(answer) == [reason, "accepted"]
    assert answer.json()["bills"][0]["message"]
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("en", "Accept-Language")


async def test_a_company_reads_the_reason_in_kazakh(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await push(api, headers | {"Accept-Language": "kk-Cyrl-KZ, zh;q=0.9"}, bill(amount_fen=0))
    assert answer.json()["bills"][0]["message"] == "سوما 0-دەن ۇلكەن بولۋى كەرەك. سومانى تۇزەتىڭىز."
    assert answer.headers["content-language"] == "kk-Arab"


@pytest.mark.parametrize(
    "body",
    [
        {"bills": []},
        {"bills": [bill()] * 1_001},
        {"bills": [bill(amount_fen="28.75")]},
        {"bills": [bill(amount_fen=28.75)]},
        {"bills": [bill(usage=12.5)]},
        {"bills": [bill(note="\ud800")]},
        {"bills": [{"bill_number": "W-1"}]},
        {},
    ],
    ids=["none", "too many", "yuan", "fraction", "float", "surrogate", "incomplete", "nothing"],
)
async def test_a_malformed_list_is_refused_as_a_whole(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, body: dict[str, Any]
) -> None:
    # Not through `json=`, which cannot write a lone surrogate.
    as_json = {"Content-Type": "application/json"}
    answer = await api.post(URL, content=json.dumps(body), headers=headers | once() | as_json)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Bill)) == 0


async def test_a_thousand_bills_in_one_push(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    note = "抄" * 200
    bills = [bill(f"W-{number}", note=note, reason="other") for number in range(1_000)]
    assert outcomes(await push(api, headers, *bills)) == ["accepted"] * 1_000


async def test_the_same_key_gives_the_same_answer(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    key = once()
    first = await api.post(URL, json={"bills": [bill()]}, headers=headers | key)
    again = await api.post(URL, json={"bills": [bill()]}, headers=headers | key)
    other = await api.post(URL, json={"bills": [bill("W-2")]}, headers=headers | key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_only_a_providers_system_may_push(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    callers = [{}, tokens.resident(), tokens.staff("operator"), tokens.client(provider_id, "tariffs:write")]
    assert [(await push(api, caller, bill())).status_code for caller in callers] == [401, 403, 403, 403]
    unknown = await push(api, uploader(tokens, new_id()), bill())
    assert (unknown.status_code, unknown.json()["code"]) == (409, "provider_not_ready")


async def test_another_providers_bill_of_the_same_number_is_never_touched(
    api: httpx.AsyncClient, headers: dict[str, str], tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    other = uploader(tokens, await approved_provider(database))
    await push(api, headers, bill())
    assert outcomes(await push(api, other, bill(amount_fen=1))) == ["accepted"]
    assert outcomes(await push(api, other, bill("W-2", supersedes="W-3"))) == ["superseded_unknown"]
    async with database.read() as tx:
        mine = await tx.scalar(select(Bill).where(Bill.provider_id == provider_id))
    assert mine is not None
    assert (mine.amount_fen, mine.version) == (2875, 1)
