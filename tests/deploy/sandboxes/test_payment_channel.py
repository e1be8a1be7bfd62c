"""The payment channel stand-in, as a process that calls a listening merchant."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import time_machine

from kit.signatures.messages import Answer, Request, verify_answer
from kit.signatures.refusals import BadSignature
from tests.deploy.sandboxes.merchant import (
    ACCOUNT,
    CHANNEL_KEY,
    CHANNEL_KEYS,
    KEYS,
    MERCHANT_ID,
    call,
    code,
    merchant_headers,
    order,
    pay,
    place_of,
    query,
    until,
)
from tests.deploy.sandboxes.processes import Sandbox


class TestOrders:
    def test_an_order_waits_for_its_payer(self, channel: httpx.Client, number: str) -> None:
        placed = call(channel, "POST", "/orders", order(number))
        assert placed.status_code == 201
        assert placed.json() == {
            "order_number": number,
            "state": "waiting",
            "pay_url": f"{channel.base_url}/cashier/{number}",
        }
        assert query(channel, number).json() == {
            "merchant_id": MERCHANT_ID,
            "order_number": number,
            "state": "waiting",
            "amount_fen": 4140,
            "currency": "CNY",
            "transaction_id": None,
            "paid_at": None,
        }

    def test_the_same_order_again_is_the_same_order(self, channel: httpx.Client, number: str) -> None:
        content = order(number)
        first, again = (call(channel, "POST", "/orders", content) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()

    @pytest.mark.parametrize(
        "change",
        [
            {"amount_fen": 4141},
            {"description": "气费"},
            {"notify_url": "http://127.0.0.1:9/other"},
            {"merchant_id": "other"},
            {"expires_at": (datetime.now(UTC) + timedelta(hours=3)).isoformat()},
        ],
    )
    def test_an_order_number_stands_for_one_content(
        self, channel: httpx.Client, number: str, change: dict[str, object]
    ) -> None:
        content = order(number)
        call(channel, "POST", "/orders", content)
        assert code(call(channel, "POST", "/orders", {**content, **change})) == (409, "order_number_reused")
        assert query(channel, number).json()["amount_fen"] == 4140

    @pytest.mark.parametrize(
        "change",
        [
            {"amount_fen": 0},
            {"amount_fen": -1},
            {"amount_fen": 41.4},
            {"amount_fen": "4140"},
            {"amount_fen": True},
            {"amount_fen": None},
            {"description": ""},
            {"description": "\ud800"},
            {"merchant_id": "a b"},
            {"order_number": "short"},
            {"order_number": "../../orders"},
            {"notify_url": "ftp://127.0.0.1/"},
            {"notify_url": "http://"},
            {"notify_url": "http://127.0.0.1:port/"},
            {"notify_url": "http://127.0.0.1/a\r\nX: y"},
            {"expires_at": "2999-01-01T00:00:00"},
            {"expires_at": "2020-01-01T00:00:00Z"},
            {"expires_at": "0001-01-01T00:00:00+14:00"},
            {"expires_at": 4},
        ],
    )
    def test_an_order_with_a_bad_field_is_refused(
        self, channel: httpx.Client, number: str, change: dict[str, object]
    ) -> None:
        answer = call(channel, "POST", "/orders", order(number, **change))
        assert code(answer) == (422, "invalid_request")

    def test_an_unknown_order_is_not_found(self, channel: httpx.Client, number: str) -> None:
        assert code(query(channel, number)) == (404, "unknown_order")
        assert code(pay(channel, number)) == (404, "unknown_order")
        assert code(channel.get(f"/orders/{number}/notices")) == (404, "unknown_order")

    def test_anothers_order_is_not_found(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        assert code(query(channel, number, "other")) == (404, "unknown_order")
        assert code(call(channel, "GET", f"/orders/{number}")) == (404, "unknown_order")
        closing = call(channel, "POST", f"/orders/{number}/close", {"merchant_id": "other"})
        assert code(closing) == (404, "unknown_order")

    def test_a_closed_order_cannot_be_paid(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        for _ in range(2):
            closed = call(channel, "POST", f"/orders/{number}/close", {"merchant_id": MERCHANT_ID})
            assert (closed.status_code, closed.json()["state"]) == (200, "closed")
        assert code(pay(channel, number)) == (409, "order_closed")
        assert query(channel, number).json()["state"] == "closed"

    def test_a_paid_order_cannot_be_closed(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        pay(channel, number)
        closing = call(channel, "POST", f"/orders/{number}/close", {"merchant_id": MERCHANT_ID})
        assert code(closing) == (409, "order_paid")
        assert query(channel, number).json()["state"] == "paid"

    def test_an_order_expires(self, channel: httpx.Client, number: str) -> None:
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        content = order(number, expires_at=soon)
        assert call(channel, "POST", "/orders", content).json()["state"] == "waiting"
        until(lambda: query(channel, number).json()["state"] == "closed")
        assert code(pay(channel, number)) == (409, "order_closed")
        again = call(channel, "POST", "/orders", content)
        assert (again.status_code, again.json()["state"]) == (200, "closed")


class TestSignatures:
    def refusal(self, channel: httpx.Client, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Of a request that is not authentic; the channel signs no answer to it."""
        answer = channel.post("/orders", content=body, headers=headers)
        assert "Signature" not in answer.headers
        return code(answer)

    def test_an_unsigned_request_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        assert self.refusal(channel, body, {}) == (401, "unsigned")
        answer = channel.get(f"/orders/{number}?merchant_id={MERCHANT_ID}")
        assert code(answer) == (401, "unsigned")

    def test_what_is_signed_for_another_recipient_address_or_body_is_refused(
        self, channel: httpx.Client, number: str
    ) -> None:
        body, orders = json.dumps(order(number)).encode(), place_of(channel, "/orders")
        headers = merchant_headers(orders, body)
        for reason, signed in (
            ("unknown_key", merchant_headers(orders, body, key=CHANNEL_KEY)),
            ("other_recipient", merchant_headers(orders, body, recipient="invoicing")),
            ("wrong_signature", merchant_headers(place_of(channel, "/refunds"), body)),
            ("wrong_signature", merchant_headers("http://elsewhere.test/orders", body)),
            ("wrong_signature", merchant_headers(orders, body, "PUT")),
            ("wrong_digest", merchant_headers(orders, body + b" ")),
            ("signature_malformed", {**headers, "Signature-Input": "myili=()"}),
        ):
            assert self.refusal(channel, body, signed) == (401, reason)
        assert code(query(channel, number)) == (404, "unknown_order")

    def test_an_address_is_the_channels_own_whatever_the_host_header_says(
        self, channel: httpx.Client, number: str
    ) -> None:
        body = json.dumps(order(number)).encode()
        headers = {**merchant_headers("http://elsewhere.test/orders", body), "Host": "elsewhere.test"}
        assert self.refusal(channel, body, headers) == (401, "wrong_signature")

    def test_the_signature_of_an_empty_query_is_good_for_no_other(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        headers = merchant_headers(place_of(channel, "/orders/another"), method="GET")
        answer = channel.get(f"/orders/{number}?merchant_id={MERCHANT_ID}", headers=headers)
        assert code(answer) == (401, "wrong_signature")

    def test_the_signature_is_checked_before_the_body_is_looked_at(self, channel: httpx.Client) -> None:
        assert self.refusal(channel, b"{", {}) == (401, "unsigned")
        headers = merchant_headers(place_of(channel, "/orders"), b"{")
        assert code(channel.post("/orders", content=b"{", headers=headers)) == (400, "malformed_json")

    def test_an_old_request_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        with time_machine.travel(time.time() - 301, tick=False):
            old = merchant_headers(place_of(channel, "/orders"), body)
        assert self.refusal(channel, body, old) == (401, "clock_skew")

    def test_a_replayed_request_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        headers = merchant_headers(place_of(channel, "/orders"), body)
        assert channel.post("/orders", content=body, headers=headers).status_code == 201
        assert self.refusal(channel, body, headers) == (401, "nonce_replayed")

    def test_a_replay_is_refused_after_a_crash_too(self, sandbox: Sandbox, number: str) -> None:
        body = json.dumps(order(number)).encode()
        headers = merchant_headers(f"{sandbox.url}/orders", body)
        with sandbox.running() as channel:
            assert channel.post("/orders", content=body, headers=headers).status_code == 201
        with sandbox.running() as channel:
            assert self.refusal(channel, body, headers) == (401, "nonce_replayed")


class TestCashier:
    def test_the_wallet_sees_what_it_pays(self, channel: httpx.Client, number: str) -> None:
        pay_url = call(channel, "POST", "/orders", order(number)).json()["pay_url"]
        assert channel.get(pay_url).json() == {
            "order_number": number,
            "description": "水费 2025-10",
            "amount_fen": 4140,
            "state": "waiting",
        }

    def test_a_second_tap_pays_nothing_more(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        with ThreadPoolExecutor(8) as taps:
            answers = list(taps.map(lambda _: pay(channel, number), range(16)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["transaction_id"] for answer in answers}) == 1
        assert query(channel, number).json() == answers[0].json()

    def test_somebody_else_cannot_pay_it_again(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        pay(channel, number)
        assert code(pay(channel, number, {"account": "wallet-2"})) == (409, "order_paid")

    def test_another_amount_than_the_payer_saw_is_refused(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        assert code(pay(channel, number, {**ACCOUNT, "amount_fen": 4139})) == (409, "amount_mismatch")
        assert query(channel, number).json()["state"] == "waiting"
        assert pay(channel, number, {**ACCOUNT, "amount_fen": 4140}).status_code == 200

    def test_a_payer_without_an_account_is_refused(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        assert code(pay(channel, number, {"account": ""})) == (422, "invalid_request")


def test_an_answer_with_another_body_does_not_verify(channel: httpx.Client, number: str) -> None:
    call(channel, "POST", "/orders", order(number))
    url = place_of(channel, f"/orders/{number}?merchant_id={MERCHANT_ID}")
    headers = merchant_headers(url, method="GET")
    answer = channel.get(url, headers=headers)
    signed = Answer(answer.status_code, answer.headers, Request("GET", url, headers))
    verify_answer(CHANNEL_KEYS, signed, answer.content)
    with pytest.raises(BadSignature, match="wrong_digest"):
        verify_answer(CHANNEL_KEYS, signed, answer.content.replace(b"waiting", b"paid"))


def test_an_unusable_key_is_one_sentence(tmp_path: Path) -> None:
    sandbox = Sandbox("payment_channel", tmp_path, {**KEYS, "MYILI_MERCHANT_PUBLIC_KEY": "no key"})
    with pytest.raises(Exception, match="exit code 1"), sandbox.running():
        pass
    assert "Traceback" not in sandbox.log.read_text()
    assert sandbox.log.read_text().startswith("The payment channel's keys are not usable: ")
