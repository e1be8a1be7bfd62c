"""The payment channel stand-in, as a process that calls a listening merchant."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from chassis.signatures import BadSignature, load_public_keys, sign, thumbprint, verify
from tests.deploy.sandboxes.processes import Listener, Received, Sandbox

MERCHANT_KEY = generate_private_key(public_exponent=65537, key_size=2048)
CHANNEL_KEY = generate_private_key(public_exponent=65537, key_size=2048)
MERCHANT_ID = "my-ili"
ACCOUNT = {"account": "wallet-1"}


def private_pem(key: RSAPrivateKey) -> str:
    encoding, encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption).decode()


def public_pem(key: RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form).decode()


CHANNEL_KEYS = load_public_keys(public_pem(CHANNEL_KEY))
KEYS = {
    "MYILI_CHANNEL_PRIVATE_KEY": private_pem(CHANNEL_KEY),
    "MYILI_MERCHANT_PUBLIC_KEY": public_pem(MERCHANT_KEY),
}


def merchant_headers(body: bytes, key: RSAPrivateKey = MERCHANT_KEY) -> dict[str, str]:
    return sign(key, thumbprint(MERCHANT_KEY.public_key()), body)


def call(channel: httpx.Client, method: str, path: str, content: object = None) -> httpx.Response:
    """As the merchant: a signed request, and an answer that must be signed by the channel."""
    body = b"" if content is None else json.dumps(content).encode()
    answer = channel.request(method, path, content=body, headers=merchant_headers(body))
    verify(CHANNEL_KEYS, answer.headers, answer.content)
    return answer


def order(number: str, **changes: object) -> dict[str, object]:
    return {
        "merchant_id": MERCHANT_ID,
        "order_number": number,
        "amount_fen": 4140,
        "description": "水费 2025-10",
        "notify_url": "http://127.0.0.1:9/nobody",
        "expires_at": (datetime.now(UTC) + timedelta(minutes=15)).isoformat(),
        **changes,
    }


def query(channel: httpx.Client, number: str, merchant_id: str = MERCHANT_ID) -> httpx.Response:
    return call(channel, "GET", f"/orders/{number}?merchant_id={merchant_id}")


def pay(channel: httpx.Client, number: str, body: object = None) -> httpx.Response:
    return channel.post(f"/cashier/{number}", json=body or ACCOUNT)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.02)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox("payment_channel", tmp_path, KEYS)


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Sandbox("payment_channel", tmp_path_factory.mktemp("channel"), KEYS).running() as client:
        yield client


@pytest.fixture
def number() -> str:
    return uuid.uuid4().hex


@pytest.fixture(autouse=True)
def no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "channel" in request.fixturenames:
        request.getfixturevalue("channel").post("/faults", json={})


@pytest.fixture
def merchant() -> Iterator[Listener]:
    with Listener(204).listening() as listener:
        yield listener


def accepted(notice: Received) -> dict[str, object]:
    verify(CHANNEL_KEYS, notice.headers, notice.body)
    content: dict[str, object] = json.loads(notice.body)
    return content


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
        answer = channel.post("/orders", content=body, headers=headers)
        verify(CHANNEL_KEYS, answer.headers, answer.content)
        return code(answer)

    def test_an_unsigned_request_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        assert self.refusal(channel, body, {}) == (401, "headers_malformed")
        answer = channel.get(f"/orders/{number}?merchant_id={MERCHANT_ID}")
        assert code(answer) == (401, "headers_malformed")

    def test_another_key_or_another_body_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        forged = merchant_headers(body, key=CHANNEL_KEY)
        assert self.refusal(channel, body, forged) == (401, "wrong_signature")
        assert self.refusal(channel, body + b" ", merchant_headers(body)) == (401, "wrong_signature")
        unknown = {**merchant_headers(body), "MyIli-Key-Id": "unknown"}
        assert self.refusal(channel, body, unknown) == (401, "unknown_key")
        assert code(query(channel, number)) == (404, "unknown_order")

    def test_the_signature_is_checked_before_the_body_is_looked_at(self, channel: httpx.Client) -> None:
        assert self.refusal(channel, b"{", {}) == (401, "headers_malformed")
        assert self.refusal(channel, b"{", merchant_headers(b"{")) == (400, "malformed_json")

    def test_an_old_request_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        old = {**merchant_headers(body), "MyIli-Timestamp": str(int(time.time()) - 301)}
        assert self.refusal(channel, body, old) == (401, "clock_skew")

    def test_a_replayed_request_is_refused(self, channel: httpx.Client, number: str) -> None:
        body = json.dumps(order(number)).encode()
        headers = merchant_headers(body)
        assert channel.post("/orders", content=body, headers=headers).status_code == 201
        assert self.refusal(channel, body, headers) == (401, "nonce_replayed")

    def test_a_replay_is_refused_after_a_crash_too(self, sandbox: Sandbox, number: str) -> None:
        body = json.dumps(order(number)).encode()
        headers = merchant_headers(body)
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


class TestNotices:
    def test_the_merchant_is_told_over_a_connection_of_the_channels_own(
        self, channel: httpx.Client, merchant: Listener, number: str
    ) -> None:
        call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
        paid = pay(channel, number).json()
        notice = merchant.next()
        assert notice.path == "/payments/v1/channels/sandbox/notices?from=test"
        assert notice.headers["Content-Type"] == "application/json"
        content = accepted(notice)
        assert len(str(content.pop("notice_id"))) == 36
        assert content == {
            "event": "payment.succeeded",
            "merchant_id": MERCHANT_ID,
            "order_number": number,
            "transaction_id": paid["transaction_id"],
            "amount_fen": 4140,
            "currency": "CNY",
            "paid_at": paid["paid_at"],
        }
        assert b"wallet" not in notice.body

    def test_it_is_told_again_until_it_has_heard(self, channel: httpx.Client, number: str) -> None:
        with Listener(500, None, 302, 200).listening() as merchant:
            call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
            pay(channel, number)
            arrivals = [(merchant.next(), time.monotonic()) for _ in range(4)]
            until(lambda: [row["answer_status"] for row in self.sent(channel, number)] == [500, None, 302, 200])
            assert merchant.received.empty()
        notices = [notice for notice, _ in arrivals]
        assert len({accepted(notice)["notice_id"] for notice in notices}) == 1
        assert len({notice.body for notice in notices}) == 1
        assert len({notice.headers["MyIli-Nonce"] for notice in notices}) == 4
        waits = [later - earlier for (_, earlier), (_, later) in pairwise(arrivals)]
        assert [wait > least for wait, least in zip(waits, (0.45, 0.95, 1.95), strict=True)] == [True] * 3, waits

    def test_one_deaf_merchant_does_not_keep_the_others_waiting(
        self, channel: httpx.Client, merchant: Listener, number: str
    ) -> None:
        with Listener(None).listening() as deaf:
            for n in range(40):
                call(channel, "POST", "/orders", order(f"{number}-{n}", notify_url=deaf.url))
                pay(channel, f"{number}-{n}")
            call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
            pay(channel, number)
            assert accepted(merchant.next())["order_number"] == number

    def test_a_crash_does_not_end_the_telling(self, sandbox: Sandbox, number: str) -> None:
        merchant = Listener(503, 503, 200)
        with merchant.listening():
            with sandbox.running() as channel:
                call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
                pay(channel, number)
                first = accepted(merchant.next())
            with sandbox.running() as channel:
                assert accepted(merchant.next()) == first
                assert accepted(merchant.next()) == first
                until(lambda: self.sent(channel, number)[-1]["answer_status"] == 200)
                assert query(channel, number).json()["state"] == "paid"

    def test_the_very_same_bytes_can_be_sent_once_more(
        self, channel: httpx.Client, merchant: Listener, number: str
    ) -> None:
        call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
        pay(channel, number)
        arrived = merchant.next()
        (sent,) = self.sent(channel, number)
        httpx.post(sent["url"], content=sent["body"].encode(), headers=sent["headers"])
        again = merchant.next()
        assert again.body == arrived.body
        assert again.headers["MyIli-Nonce"] == arrived.headers["MyIli-Nonce"]
        accepted(again)

    def test_nobody_is_told_of_an_order_that_is_not_paid(self, channel: httpx.Client, number: str) -> None:
        call(channel, "POST", "/orders", order(number))
        assert self.sent(channel, number) == []

    @staticmethod
    def sent(channel: httpx.Client, number: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = channel.get(f"/orders/{number}/notices").json()["items"]
        return items


class TestFaults:
    def test_a_lost_notice_is_sent_again(self, channel: httpx.Client, merchant: Listener, number: str) -> None:
        channel.post("/faults", json={"drop_notices": 1})
        call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
        pay(channel, number)
        accepted(merchant.next())
        statuses = [row["answer_status"] for row in TestNotices.sent(channel, number)]
        assert statuses in ([None, 204], [None, None])
        assert channel.get("/faults").json()["drop_notices"] == 0

    def test_a_notice_comes_three_times(self, channel: httpx.Client, merchant: Listener, number: str) -> None:
        channel.post("/faults", json={"duplicate_notices": 2})
        call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
        pay(channel, number)
        notices = [merchant.next() for _ in range(3)]
        assert len({accepted(notice)["notice_id"] for notice in notices}) == 1
        assert len({notice.headers["MyIli-Nonce"] for notice in notices}) == 3

    def test_an_order_is_placed_though_its_answer_never_comes(self, channel: httpx.Client, number: str) -> None:
        channel.post("/faults", json={"order_timeouts": 1})
        content = order(number)
        body = json.dumps(content).encode()
        with pytest.raises(httpx.ReadTimeout):
            channel.post("/orders", content=body, headers=merchant_headers(body), timeout=3)
        assert query(channel, number).json()["state"] == "waiting"
        assert call(channel, "POST", "/orders", content).status_code == 200

    def test_the_channel_is_out_of_order(self, channel: httpx.Client, number: str) -> None:
        channel.post("/faults", json={"unavailable": 1})
        assert code(call(channel, "POST", "/orders", order(number))) == (503, "unavailable")
        assert call(channel, "POST", "/orders", order(number)).status_code == 201


def test_an_answer_with_another_body_does_not_verify(channel: httpx.Client, number: str) -> None:
    call(channel, "POST", "/orders", order(number))
    answer = query(channel, number)
    with pytest.raises(BadSignature):
        verify(CHANNEL_KEYS, answer.headers, answer.content.replace(b"waiting", b"paid"))


def test_an_unusable_key_is_one_sentence(tmp_path: Path) -> None:
    sandbox = Sandbox("payment_channel", tmp_path, {**KEYS, "MYILI_MERCHANT_PUBLIC_KEY": "no key"})
    with pytest.raises(Exception, match="exit code 1"), sandbox.running():
        pass
    assert "Traceback" not in sandbox.log.read_text()
    assert sandbox.log.read_text().startswith("The payment channel's keys are not usable: ")
