"""The company's server as the platform meets it, as a process."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.reference_provider.roster import account_holder, account_number
from kit.signatures.messages import sign_request
from tests.contracts.reference_provider.processes import PROVIDER_ID, SEED, Platform, Provider

HOLDER = account_holder(SEED, 7)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


@pytest.fixture(scope="module")
def company(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Provider(platform.url, tmp_path_factory.mktemp("company")).running() as client:
        yield client


def verification(number: str = HOLDER.account_number, name: str = HOLDER.holder_name) -> dict[str, object]:
    return {"provider_id": PROVIDER_ID, "request_id": str(uuid.uuid4()), "account_number": number, "holder_name": name}


def posting(**changes: object) -> dict[str, object]:
    unique = uuid.uuid4().hex
    return {
        "provider_id": PROVIDER_ID,
        "posting_id": str(uuid.uuid4()),
        "payment_id": str(uuid.uuid4()),
        "receipt_number": f"R{unique[:12]}",
        "bill_number": f"W202510-{unique[:7]}",
        "account_number": HOLDER.account_number,
        "amount_fen": 4140,
        "currency": "CNY",
        "paid_at": "2025-11-22T08:00:00Z",
        **changes,
    }


def post(company: httpx.Client, platform: Platform, path: str, content: object) -> httpx.Response:
    body = json.dumps(content).encode()
    service = "services" if path == "/account-verifications" else "payments"
    return company.post(path, content=body, headers=platform.signed(f"{place(company)}{path}", body, service))


def place(company: httpx.Client) -> str:
    return str(company.base_url).rstrip("/")


def look(company: httpx.Client, platform: Platform, posting_id: object) -> dict[str, Any]:
    url = f"{place(company)}/postings/{posting_id}"
    answer: dict[str, Any] = company.get(url, headers=platform.signed(url)).json()
    return answer


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


class TestAccountVerifications:
    @pytest.mark.parametrize(
        ("number", "name", "result"),
        [
            (HOLDER.account_number, HOLDER.holder_name, "match"),
            (HOLDER.account_number, f" {HOLDER.holder_name[:2]} {HOLDER.holder_name[2:]} ", "match"),
            (HOLDER.account_number, "张三", "no_match"),
            (HOLDER.account_number, account_holder(SEED, 8).holder_name, "no_match"),
            (account_number(SEED, 50), HOLDER.holder_name, "no_account"),
            ("0000000000", HOLDER.holder_name, "no_account"),
        ],
    )
    def test_the_holder_of_an_account_is_known_by_name(
        self, company: httpx.Client, platform: Platform, number: str, name: str, result: str
    ) -> None:
        answer = post(company, platform, "/account-verifications", verification(number, name))
        assert (answer.status_code, answer.json()) == (200, {"result": result})

    @pytest.mark.parametrize(
        "change",
        [
            {"holder_name": ""},
            {"holder_name": None},
            {"account_number": 4},
            {"request_id": "x" * 201},
            {"request_id": "1"},
        ],
    )
    def test_a_question_with_a_bad_field_is_refused(
        self, company: httpx.Client, platform: Platform, change: dict[str, object]
    ) -> None:
        answer = post(company, platform, "/account-verifications", {**verification(), **change})
        assert refusal(answer) == (422, f"bad_{next(iter(change))}")


class TestPostings:
    def test_a_posting_is_booked_once_however_often_it_comes(self, company: httpx.Client, platform: Platform) -> None:
        content = posting()
        with ThreadPoolExecutor(8) as senders:
            answers = list(senders.map(lambda _: post(company, platform, "/postings", content), range(12)))
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["result"] for answer in answers} == {"booked"}
        assert len({answer.json()["provider_reference"] for answer in answers}) == 1
        assert look(company, platform, content["posting_id"]) == answers[0].json()
        booked = [row for row in company.get("/books").json()["newest"] if row["posting_id"] == content["posting_id"]]
        assert len(booked) == 1
        assert booked[0]["amount_fen"] == 4140

    def test_the_books_count_what_is_booked(self, company: httpx.Client, platform: Platform) -> None:
        before = company.get("/books").json()
        post(company, platform, "/postings", posting(amount_fen=25))
        post(company, platform, "/postings", posting(amount_fen=3, currency="USD"))
        after = company.get("/books").json()
        assert after["booked"] - before["booked"] == 1
        assert after["booked_fen"] - before["booked_fen"] == 25

    def test_a_bill_is_booked_once(self, company: httpx.Client, platform: Platform) -> None:
        first, second = posting(), posting()
        second["bill_number"] = first["bill_number"]
        assert post(company, platform, "/postings", first).json()["result"] == "booked"
        refused = {"result": "refused", "reason": "bill_already_booked"}
        assert post(company, platform, "/postings", second).json() == refused
        assert look(company, platform, second["posting_id"]) == refused

    @pytest.mark.parametrize(
        ("change", "reason"),
        [({"account_number": account_number(SEED, 50)}, "no_account"), ({"currency": "USD"}, "currency_not_accepted")],
    )
    def test_what_cannot_be_booked_is_refused_the_same_way_every_time(
        self, company: httpx.Client, platform: Platform, change: dict[str, object], reason: str
    ) -> None:
        content = posting(**change)
        answers = [post(company, platform, "/postings", content).json() for _ in range(2)]
        assert answers == [{"result": "refused", "reason": reason}] * 2

    def test_a_posting_id_stands_for_one_content(self, company: httpx.Client, platform: Platform) -> None:
        content = posting()
        booked = post(company, platform, "/postings", content).json()
        assert refusal(post(company, platform, "/postings", {**content, "amount_fen": 1})) == (409, "posting_reused")
        assert look(company, platform, content["posting_id"]) == booked

    def test_a_bill_in_parts_is_booked_up_to_its_amount(self, company: httpx.Client, platform: Platform) -> None:
        parts = [posting(amount_fen=fen, bill_amount_fen=1000, bill_number="P-1") for fen in (400, 601, 600, 1)]
        answers = [post(company, platform, "/postings", part).json() for part in parts]
        reasons = [answer.get("reason", answer["result"]) for answer in answers]
        assert reasons == ["booked", "more_than_billed", "booked", "bill_already_booked"]

    def test_late_fee_does_not_count_against_the_bill(self, company: httpx.Client, platform: Platform) -> None:
        late = posting(amount_fen=1025, late_fee_fen=25, bill_amount_fen=1000)
        assert post(company, platform, "/postings", late).json()["result"] == "booked"

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "gift"},
            {"kind": ["regular"]},
            {"late_fee_fen": -1},
            {"late_fee_fen": 4141},
            {"posting_id": "1"},
            {"payment_id": str(uuid.uuid4()).upper()},
            {"paid_at": "2025-11-22"},
            {"paid_at": "2025-11-31T08:00:00Z"},
            {"paid_at": "2025-11-22T08:00:00"},
        ],
    )
    def test_a_posting_with_an_odd_detail_is_refused(
        self, company: httpx.Client, platform: Platform, change: dict[str, object]
    ) -> None:
        refused = post(company, platform, "/postings", posting(**change))
        assert refusal(refused) == (422, f"bad_{next(iter(change))}")

    def test_an_unknown_posting_is_not_found(self, company: httpx.Client, platform: Platform) -> None:
        assert look(company, platform, uuid.uuid4()) == {"result": "not_found"}

    @pytest.mark.parametrize("amount", [0, -1, 41.4, "4140", True, None, 10**12])
    def test_an_amount_that_is_not_whole_fen_is_refused(
        self, company: httpx.Client, platform: Platform, amount: object
    ) -> None:
        content = posting(amount_fen=amount)
        assert refusal(post(company, platform, "/postings", content)) == (422, "bad_amount_fen")
        assert look(company, platform, content["posting_id"]) == {"result": "not_found"}

    def test_the_books_survive_a_crash(self, platform: Platform, tmp_path: Path) -> None:
        provider, content = Provider(platform.url, tmp_path), posting()
        with provider.running() as company:
            booked = post(company, platform, "/postings", content).json()
        with provider.running() as company:
            assert post(company, platform, "/postings", content).json() == booked
            assert company.get("/books").json()["booked"] == 1


@pytest.mark.parametrize("caller", ["203.0.113.7", "not an address"])
def test_the_books_are_shown_on_the_companys_own_machine(company: httpx.Client, caller: str) -> None:
    assert refusal(company.get("/books", headers={"X-Forwarded-For": caller})) == (403, "loopback_only")


def test_a_body_for_another_company_is_refused(company: httpx.Client, platform: Platform) -> None:
    for path, content in (("/postings", posting()), ("/account-verifications", verification())):
        refused = post(company, platform, path, {**content, "provider_id": str(uuid.uuid4())})
        assert refusal(refused) == (422, "bad_provider_id")


def test_the_body_is_parsed_after_the_signature_is_verified(company: httpx.Client, platform: Platform) -> None:
    url = f"{place(company)}/postings"
    assert refusal(company.post(url, content=b"{")) == (401, "unsigned")
    assert refusal(company.post(url, content=b"{", headers=platform.signed(url, b"{"))) == (400, "malformed_json")
    assert refusal(company.post(url, content=b"[]", headers=platform.signed(url, b"[]"))) == (422, "not_an_object")


def test_an_oversized_body_is_refused(company: httpx.Client, platform: Platform) -> None:
    body, url = b'"' + b"x" * 70_000 + b'"', f"{place(company)}/postings"
    assert company.post(url, content=body, headers=platform.signed(url, body)).status_code == 413


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"currency": "CNY"', '"currency": "CNY", "currency": "CNY"'),
        ('"provider_id"', f'"provider_id": "{PROVIDER_ID}", "provider_id"'),
        ('"currency": "CNY"', '"currency": "CNY", "more": [{"a": 1, "a": 2}]'),
        ('"currency": "CNY"', '"currency": "CNY", "\\u0061mount_fen": 1'),
    ],
    ids=["same value", "recipient", "inside", "escaped"],
)
def test_a_member_that_comes_twice_is_refused(
    company: httpx.Client, platform: Platform, written: str, read: str
) -> None:
    """Signed it is the platform's; but two programs of a company could read two recipients or amounts."""
    content, url = posting(), f"{place(company)}/postings"
    body = json.dumps(content).replace(written, read, 1).encode()
    assert refusal(company.post(url, content=body, headers=platform.signed(url, body))) == (400, "duplicate_member")
    assert look(company, platform, content["posting_id"]) == {"result": "not_found"}


@pytest.mark.parametrize("encode", [lambda text: text.encode("utf-16"), lambda text: b"\xef\xbb\xbf" + text.encode()])
def test_json_is_utf_8(company: httpx.Client, platform: Platform, encode: Callable[[str], bytes]) -> None:
    body, url = encode(json.dumps(posting())), f"{place(company)}/postings"
    assert refusal(company.post(url, content=body, headers=platform.signed(url, body))) == (400, "malformed_json")


def test_not_a_number_is_not_json(company: httpx.Client, platform: Platform) -> None:
    body, url = json.dumps(posting(more=float("nan"))).encode(), f"{place(company)}/postings"
    assert refusal(company.post(url, content=body, headers=platform.signed(url, body))) == (400, "malformed_json")


def test_a_signed_body_of_another_kind_is_refused(company: httpx.Client, platform: Platform) -> None:
    body, url = json.dumps(posting()).encode(), f"{place(company)}/postings"
    signed = sign_request(platform.keys["payments"][-1], PROVIDER_ID, "POST", url, body, "text/plain")
    assert refusal(company.post(url, content=body, headers=signed)) == (415, "not_json")


def test_a_query_has_no_body(company: httpx.Client, platform: Platform) -> None:
    url, body = f"{place(company)}/postings/{uuid.uuid4()}", b"{}"
    headers = platform.signed(url, body, method="GET")
    assert refusal(company.request("GET", url, content=body, headers=headers)) == (400, "body_not_expected")


def test_a_cancellation_has_one_of_two_reasons(company: httpx.Client, platform: Platform) -> None:
    content = posting()
    body = {"provider_id": PROVIDER_ID, "posting_id": content["posting_id"], "reason": "mistake"}
    refused = post(company, platform, f"/postings/{content['posting_id']}/cancellations", body)
    assert refusal(refused) == (422, "bad_reason")
