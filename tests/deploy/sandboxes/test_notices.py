"""Notices of the payment channel stand-in, and its faults on command."""

import json
import time
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.deploy.sandboxes.merchant import (
    MERCHANT_ID,
    accepted,
    call,
    code,
    merchant_headers,
    order,
    pay,
    place_of,
    query,
    until,
)
from tests.deploy.sandboxes.processes import Listener, Sandbox


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
        assert len({notice.headers["Signature-Input"] for notice in notices}) == 4
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
        assert again.headers["Signature"] == arrived.headers["Signature"]
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
        assert len({notice.headers["Signature-Input"] for notice in notices}) == 3

    def test_an_order_is_placed_though_its_answer_never_comes(self, channel: httpx.Client, number: str) -> None:
        channel.post("/faults", json={"order_timeouts": 1})
        content = order(number)
        body = json.dumps(content).encode()
        headers = merchant_headers(place_of(channel, "/orders"), body)
        with pytest.raises(httpx.ReadTimeout):
            channel.post("/orders", content=body, headers=headers, timeout=3)
        assert query(channel, number).json()["state"] == "waiting"
        assert call(channel, "POST", "/orders", content).status_code == 200

    def test_the_channel_is_out_of_order(self, channel: httpx.Client, number: str) -> None:
        channel.post("/faults", json={"unavailable": 1})
        assert code(call(channel, "POST", "/orders", order(number))) == (503, "unavailable")
        assert call(channel, "POST", "/orders", order(number)).status_code == 201
