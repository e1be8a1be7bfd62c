"""Validation of top-ups: by the terms, then by the provider, with rate limits."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from chassis.db import CHINA, new_id, now
from svc_payments.collection.top_ups.models import TopUpValidation
from svc_payments.collection.top_ups.service import forget_validations
from svc_payments.settings import Settings
from tests.svc_payments.billing.terms.agreement import put_in_force
from tests.svc_payments.collection.top_ups.shop import AMOUNTS, Shop, refusal
from tests.svc_payments.scripted import Scripted
from tests.svc_payments.world import World


async def test_a_validation_shows_the_channels_and_creates_nothing(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    shown = (await shop.validate()).json()
    assert (shown["amount_fen"], shown["account_number"]) == (5_000, shop.account_number)
    assert [(each["channel"], each["usable"]) for each in shown["channels"]] == [("sandbox", True)]
    request = company.requests[0]
    assert (request["path"], request["amount_fen"]) == ("/top-up-validations", 5_000)
    assert await shop.made() == []


async def test_an_amount_not_on_sale_is_refused_without_calling_the_provider(shop: Shop, company: Scripted) -> None:
    not_sold = await shop.buy(1_001)
    assert refusal(not_sold) == (422, "not_purchasable")
    assert not_sold.json()["amounts_fen"] == AMOUNTS
    assert "¥50.00" in not_sold.json()["detail"]
    above = await shop.buy(10_001)
    assert (refusal(above), above.json()["most_fen"]) == ((422, "above_purchasable"), 10_000)
    for amount in (0, -5_000, 50.0, "5000", True, None, 100_000_001, 2**63, 1e300):
        assert refusal(await shop.buy(amount)) == (422, "invalid_request")
    assert company.requests == []


async def test_a_range_is_sold_in_its_steps(world: World, company: Scripted) -> None:
    shop = await Shop(world).open({"least_fen": 1_000, "most_fen": 3_000, "step_fen": 500})
    company.answer_with("accepted")
    assert [(await shop.validate(amount)).status_code for amount in (1_000, 1_500, 3_000)] == [200] * 3
    between = await shop.validate(1_200)
    assert refusal(between) == (422, "not_purchasable")
    named = between.json()
    assert (named["least_fen"], named["most_fen"], named["step_fen"]) == (1_000, 3_000, 500)
    assert refusal(await shop.validate(500)) == (422, "not_purchasable")
    assert refusal(await shop.validate(3_500)) == (422, "above_purchasable")


OUTCOMES = {
    "no_account": (404, "no_such_account"),
    "closed": (503, "provider_closed"),
    "not_payable_online": (409, "not_payable_online"),
    "payment_unfinished": (409, "payment_unfinished"),
    "not_purchasable": (422, "not_purchasable"),
}


async def test_each_refusal_of_the_provider_has_its_code_and_creates_nothing(shop: Shop, company: Scripted) -> None:
    for result, expected in OUTCOMES.items():
        company.answer_with(result)
        assert refusal(await shop.buy()) == expected
    company.answer_with("above_purchasable", most_fen=3_000)
    above = await shop.buy()
    assert (refusal(above), above.json()["most_fen"]) == ((422, "above_purchasable"), 3_000)
    assert await shop.made() == []


async def test_an_invalid_answer_creates_nothing(shop: Shop, company: Scripted) -> None:
    answers: list[Any] = [
        {},
        [],
        b"accepted",
        {"result": "yes"},
        {"result": True},
        {"result": "above_purchasable"},
        {"result": "above_purchasable", "most_fen": 5_000},
        {"result": "above_purchasable", "most_fen": -1},
        {"result": "above_purchasable", "most_fen": 10**30},
        {"result": "above_purchasable", "most_fen": "3000"},
        {"result": "accepted", "padding": "x" * 70_000},
    ]
    for answer in answers:
        company.answer = answer
        assert refusal(await shop.buy()) == (502, "provider_answer_unusable"), repr(answer)[:100]
    assert await shop.made() == []


class TestSilence:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"provider_timeout_seconds": 0.5})

    async def test_a_timeout_creates_nothing_and_the_request_can_be_retried(
        self, shop: Shop, company: Scripted
    ) -> None:
        company.answer_with("accepted")
        company.pause = asyncio.Event()
        assert refusal(await shop.buy(key="tap-1")) == (504, "provider_timed_out")
        assert await shop.made() == []
        company.pause.set()
        assert (await shop.buy(key="tap-1")).status_code == 201


async def test_channel_limits_apply_before_the_provider_is_called(world: World, company: Scripted) -> None:
    shop = await Shop(world).open(channels=[{"channel": "sandbox", "most_fen": 4_000}])
    assert refusal(await shop.buy()) == (422, "outside_channel_limits")
    assert refusal(await shop.buy(channel="wechat")) == (422, "channel_not_available")
    assert company.requests == []
    company.answer_with("accepted")
    assert [each["usable"] for each in (await shop.validate()).json()["channels"]] == [False]


async def test_a_provider_is_not_called_in_its_closed_hours(world: World, company: Scripted) -> None:
    local = datetime.now(CHINA)
    hours = {"begin": f"{local - timedelta(hours=1):%H:%M}", "end": f"{local + timedelta(hours=1):%H:%M}"}
    shop = await Shop(world).open(closed_hours=hours)
    closed = await shop.buy()
    assert refusal(closed) == (503, "provider_closed")
    assert closed.json()["reopens_at"]
    assert company.requests == []


async def test_a_mistyped_account_number_is_refused(world: World, company: Scripted) -> None:
    shop = await Shop(world, "1000000006").open({"amounts_fen": [5_000], "accounts": "any"})
    assert refusal(await shop.buy()) == (422, "bad_account_check_digit")
    assert company.requests == []


async def test_a_provider_without_top_ups_sells_none(world: World, company: Scripted) -> None:
    shop = await Shop(world).open()
    await put_in_force(world.api, world.tokens, world.provider_id, {"bill_sources": ["pushed"]})
    assert refusal(await shop.buy()) == (422, "top_up_not_offered")
    assert refusal(await shop.buy(provider_id=f"{new_id()}")) == (404, "not_found")
    assert company.requests == []


async def test_probing_for_account_numbers_is_limited(world: World, company: Scripted) -> None:
    shop = await Shop(world).open({"amounts_fen": [5_000], "accounts": "any"}, bound=False)
    company.answer_with("no_account")
    attempts = [await shop.validate() for _ in range(10)]
    assert {refusal(answer) for answer in attempts} == {(404, "no_such_account")}
    stopped = await shop.validate()
    assert refusal(stopped) == (429, "too_many_validations")
    assert stopped.headers["Retry-After"] == "86400"
    assert len(company.requests) == 10
    company.answer_with("accepted")
    assert (await shop.validate(person=new_id())).status_code == 200


async def test_probing_in_parallel_finds_no_more_than_one_after_the_other(world: World, company: Scripted) -> None:
    shop = await Shop(world).open({"amounts_fen": [5_000], "accounts": "any"}, bound=False)
    company.answer_with("no_account")
    company.pause = asyncio.Event()
    waiting = [asyncio.create_task(shop.validate()) for _ in range(20)]
    _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    while len(pending) > 10:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    company.pause.set()
    answers = await asyncio.gather(*waiting)
    assert sorted(answer.status_code for answer in answers) == [404] * 10 + [429] * 10
    assert {answer.headers.get("Retry-After") for answer in answers} == {None, "60"}
    assert len(company.requests) == 10
    assert (await shop.validate()).headers["Retry-After"] == "86400"


async def test_repeated_validations_are_limited_and_deleted_in_time(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    answers = await asyncio.gather(*(shop.validate() for _ in range(25)))
    assert sorted(answer.status_code for answer in answers) == [200] * 20 + [429] * 5
    assert len(company.requests) == 20
    async with shop.world.database.transaction() as tx:
        await tx.execute(update(TopUpValidation).values(asked_at=now() - timedelta(days=31)))
    assert (await shop.validate()).status_code == 200
    async with shop.world.database.transaction() as tx:
        await forget_validations(tx)
        assert await tx.scalar(select(func.count()).select_from(TopUpValidation)) == 1
