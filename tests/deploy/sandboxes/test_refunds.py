"""Refunds of the payment channel stand-in: by the merchant's numbers, several of a payment, never more than paid."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.deploy.sandboxes.merchant import KEYS, MERCHANT_ID, accepted, call, code, order, pay
from tests.deploy.sandboxes.processes import Listener, Sandbox

PAID_FEN = 4140


@pytest.fixture(autouse=True)
def no_faults_left(channel: httpx.Client) -> Iterator[None]:
    yield
    channel.post("/faults", json={})


@pytest.fixture
def paid(channel: httpx.Client) -> dict[str, object]:
    """An order that was paid."""
    number = uuid.uuid4().hex
    call(channel, "POST", "/orders", order(number))
    answer: dict[str, object] = pay(channel, number).json()
    return answer


def refund(paid: dict[str, object], amount_fen: object = PAID_FEN, **changes: object) -> dict[str, object]:
    return {
        "merchant_id": MERCHANT_ID,
        "refund_number": uuid.uuid4().hex,
        "order_number": paid["order_number"],
        "transaction_id": paid["transaction_id"],
        "amount_fen": amount_fen,
        "paid_fen": PAID_FEN,
        "notify_url": "http://127.0.0.1:9/nobody",
        **changes,
    }


def query(channel: httpx.Client, wanted: dict[str, object], merchant_id: str = MERCHANT_ID) -> httpx.Response:
    return call(channel, "GET", f"/refunds/{wanted['refund_number']}?merchant_id={merchant_id}")


def state(channel: httpx.Client, wanted: dict[str, object]) -> str:
    return str(query(channel, wanted).json()["state"])


def settle(channel: httpx.Client, wanted: dict[str, object], outcome: str) -> httpx.Response:
    return channel.post(f"/refunds/{wanted['refund_number']}/settle", json={"state": outcome})


def test_a_full_refund_is_notified_to_the_merchant(channel: httpx.Client, paid: dict[str, object]) -> None:
    with Listener(204).listening() as merchant:
        wanted = refund(paid, notify_url=merchant.url)
        answer = call(channel, "POST", "/refunds", wanted)
        notice = accepted(merchant.next())
    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded")
    assert query(channel, wanted).json() == answer.json()
    assert notice == {"notice_id": notice["notice_id"], "event": "refund.succeeded", **answer.json()}


def test_the_same_refund_again_is_the_same_refund(channel: httpx.Client, paid: dict[str, object]) -> None:
    wanted = refund(paid)
    first, again = (call(channel, "POST", "/refunds", wanted) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_a_refund_number_stands_for_one_content(channel: httpx.Client, paid: dict[str, object]) -> None:
    wanted = refund(paid, 100)
    call(channel, "POST", "/refunds", wanted)
    other = call(channel, "POST", "/refunds", {**wanted, "amount_fen": 101})
    assert code(other) == (409, "refund_number_reused")


def test_several_refunds_never_exceed_the_payment(channel: httpx.Client, paid: dict[str, object]) -> None:
    assert call(channel, "POST", "/refunds", refund(paid, 140)).status_code == 201
    with ThreadPoolExecutor(4) as askers:
        answers = list(askers.map(lambda _: call(channel, "POST", "/refunds", refund(paid, 4000)), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]
    assert code(call(channel, "POST", "/refunds", refund(paid, 1))) == (403, "refund_exceeds_payment")


def test_a_transaction_of_another_order_is_not_found(channel: httpx.Client, paid: dict[str, object]) -> None:
    answer = call(channel, "POST", "/refunds", refund(paid, transaction_id="other"))
    assert code(answer) == (404, "unknown_transaction")


def test_an_unpaid_or_anothers_order_cannot_be_refunded(channel: httpx.Client, paid: dict[str, object]) -> None:
    waiting = order(uuid.uuid4().hex)
    call(channel, "POST", "/orders", waiting)
    unpaid = refund(paid, order_number=waiting["order_number"])
    assert code(call(channel, "POST", "/refunds", unpaid)) == (404, "unknown_transaction")
    assert code(call(channel, "POST", "/refunds", refund(paid, merchant_id="other"))) == (404, "unknown_transaction")


@pytest.mark.parametrize("change", [{"amount_fen": 0}, {"amount_fen": 1.5}, {"paid_fen": 4141}, {"notify_url": "x"}])
def test_a_refund_with_a_bad_field_is_refused(
    channel: httpx.Client, paid: dict[str, object], change: dict[str, object]
) -> None:
    assert code(call(channel, "POST", "/refunds", {**refund(paid), **change})) == (422, "invalid_request")


def test_an_unknown_or_anothers_refund_is_not_found(channel: httpx.Client, paid: dict[str, object]) -> None:
    wanted = refund(paid)
    assert code(query(channel, wanted)) == (404, "unknown_refund")
    call(channel, "POST", "/refunds", wanted)
    assert code(query(channel, wanted, "other")) == (404, "unknown_refund")
    assert code(settle(channel, wanted, "closed")) == (409, "refund_settled")


@pytest.mark.parametrize("outcome", ["succeeded", "closed", "abnormal"])
def test_a_slow_refund_ends_on_command(channel: httpx.Client, paid: dict[str, object], outcome: str) -> None:
    channel.post("/faults", json={"slow_refunds": 1})
    wanted = refund(paid)
    assert call(channel, "POST", "/refunds", wanted).json()["state"] == "processing"
    assert state(channel, wanted) == "processing"
    assert settle(channel, wanted, outcome).json()["state"] == outcome
    assert state(channel, wanted) == outcome


def test_a_closed_refund_leaves_the_money_for_another(channel: httpx.Client, paid: dict[str, object]) -> None:
    channel.post("/faults", json={"close_refunds": 1})
    assert call(channel, "POST", "/refunds", refund(paid)).json()["state"] == "closed"
    assert call(channel, "POST", "/refunds", refund(paid)).json()["state"] == "succeeded"


def test_a_refused_refund_is_not_kept(channel: httpx.Client, paid: dict[str, object]) -> None:
    channel.post("/faults", json={"refuse_refunds": 1})
    wanted = refund(paid)
    assert code(call(channel, "POST", "/refunds", wanted)) == (403, "refund_not_allowed")
    assert code(query(channel, wanted)) == (404, "unknown_refund")


def test_an_answer_lost_on_command_leaves_the_refund_to_be_asked_for(
    channel: httpx.Client, paid: dict[str, object]
) -> None:
    channel.post("/faults", json={"refund_timeouts": 1})
    wanted = refund(paid)
    with pytest.raises(httpx.ReadTimeout):
        call(httpx.Client(base_url=channel.base_url, timeout=0.5), "POST", "/refunds", wanted)
    assert state(channel, wanted) == "succeeded"


def test_an_order_paid_twice_on_command_has_two_transactions(channel: httpx.Client) -> None:
    with Listener(204).listening() as merchant:
        number = uuid.uuid4().hex
        call(channel, "POST", "/orders", order(number, notify_url=merchant.url))
        channel.post("/faults", json={"double_payments": 1})
        paid = pay(channel, number).json()
        transaction_ids = {accepted(merchant.next())["transaction_id"] for _ in range(2)}
    assert paid["transaction_id"] in transaction_ids
    assert len(transaction_ids) == 2
    for transaction_id in transaction_ids:
        answer = call(channel, "POST", "/refunds", refund(paid, transaction_id=transaction_id))
        assert answer.status_code == 201


def test_refunds_are_there_after_a_crash(tmp_path: Path) -> None:
    sandbox = Sandbox("payment_channel", tmp_path, KEYS)
    with sandbox.running() as channel:
        number = uuid.uuid4().hex
        call(channel, "POST", "/orders", order(number))
        wanted = refund(pay(channel, number).json())
        channel.post("/faults", json={"slow_refunds": 1})
        call(channel, "POST", "/refunds", wanted)
    with sandbox.running() as channel:
        assert state(channel, wanted) == "processing"
        assert settle(channel, wanted, "succeeded").status_code == 200
