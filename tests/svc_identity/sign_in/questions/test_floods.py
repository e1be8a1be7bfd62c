"""Nobody's flood keeps the owner of a phone out, and what is answered has limits that hold at once."""

import asyncio

import pytest

from svc_identity.sign_in.code_limits import ANSWERED_BY_ONE, BITS
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.sign_in.questions.answers import asked, computed, in_digits, post
from tests.svc_identity.sign_in.questions.conftest import At

HOME = "198.51.100.7"


async def test_strangers_who_use_up_the_codes_of_a_phone_leave_its_owner_a_question(at: At, phone: str) -> None:
    for number in range(4):
        await asked(at(f"203.0.113.{number}"), phone)
        await asyncio.sleep(1)
    owner = at(HOME)
    page = await asked(owner, phone)
    assert (page.status_code, 80_000 < int(page.headers["retry-after"]) <= 86_400) == (429, True)
    sent = await post(owner, page, answer=in_digits(page))
    form = Page(await owner.api.get(sent.headers["location"]))
    answer = await owner.type_code(form, await owner.texted_code(phone))
    assert answer.headers["location"].startswith("myili://callback?code=")


async def test_a_stranger_who_asks_each_second_does_not_make_the_owner_wait(at: At, phone: str) -> None:
    assert (await asked(at("203.0.113.9"), phone)).status_code == 303
    owner = at(HOME)
    page = await asked(owner, phone)
    assert (page.status_code, int(page.headers["retry-after"])) == (429, 1)
    assert (await post(owner, page, work=computed(page))).status_code == 303


async def test_beyond_the_codes_of_a_day_a_code_has_two_tries(at: At, phone: str) -> None:
    for number in range(2):
        assert (await asked(at(f"203.0.113.{number}"), phone)).status_code == 303
        await asyncio.sleep(1)
    client = at(HOME)
    page = await asked(client, phone)
    sent = await post(client, page, answer=in_digits(page))
    form = Page(await client.api.get(sent.headers["location"]))
    right = await client.texted_code(phone)
    wrong = [f"{(int(right) + step) % 1_000_000:06}" for step in (1, 2)]
    assert [(await client.type_code(form, each)).status_code for each in wrong] == [422, 429]


@pytest.mark.parametrize("limits", [{"codes_per_address": 3, "code_resend_seconds": 1}])
async def test_answers_in_words_are_limited_for_requests_at_once_and_work_is_not(
    at: At, limits: dict[str, int]
) -> None:
    for _ in range(limits["codes_per_address"]):
        assert (await asked(at(HOME), new_phone())).status_code == 303
    clients = [at(HOME) for _ in range(6)]
    pages = [await asked(each, new_phone()) for each in clients]
    answers = await asyncio.gather(
        *(post(client, page, answer=in_digits(page)) for client, page in zip(clients, pages, strict=True))
    )
    assert sorted(each.status_code for each in answers) == [303] * 3 + [429] * 3
    client, page = next((c, a) for c, a in zip(clients, answers, strict=True) if a.status_code == 429)
    assert ('id="spoken"' in page.text, "<noscript>" in page.text) == (False, True)
    assert f'data-bits="{BITS + 2}"' in page.text, "six codes are twice the limit"
    assert (await post(client, page, work=computed(page))).status_code == 303


@pytest.mark.parametrize("limits", [{"codes_per_phone_a_day": 1, "code_resend_seconds": 1}])
async def test_answers_for_one_phone_are_limited_by_line(at: At, phone: str) -> None:
    assert (await asked(at("203.0.113.1"), phone)).status_code == 303
    statuses = []
    for _ in range(ANSWERED_BY_ONE + 1):
        client = at(HOME)
        page = await asked(client, phone)
        statuses.append((await post(client, page, work=computed(page))).status_code if "question" in page.text else 0)
        await asyncio.sleep(1.05)
    assert statuses == [303] * ANSWERED_BY_ONE + [0]
    refused = await asked(at(HOME), phone)
    assert (refused.status_code, 3_500 < int(refused.headers["retry-after"]) <= 3_600) == (429, True)
    elsewhere = at("198.51.100.8")
    page = await asked(elsewhere, phone)
    assert (await post(elsewhere, page, work=computed(page))).status_code == 303


@pytest.mark.parametrize("limits", [{"codes_a_minute": 2, "code_resend_seconds": 1}])
async def test_a_flood_over_all_phones_leaves_others_a_question(at: At, limits: dict[str, int]) -> None:
    flood = [at(f"203.0.113.{number}") for number in range(12)]
    answers = await asyncio.gather(*(asked(each, new_phone()) for each in flood))
    assert sorted(each.status_code for each in answers) == [303] * 2 + [429] * 10
    owner = at(HOME)
    page = await asked(owner, new_phone())
    assert int(page.headers["retry-after"]) <= 60
    assert (await post(owner, page, work=computed(page))).status_code == 303
    assert limits["codes_a_minute"] == 2


@pytest.mark.parametrize("limits", [{"wrong_codes_in_ten_minutes": 11}])
async def test_guesses_at_once_over_many_phones_are_braked_at_the_limit_exactly(at: At) -> None:
    guessers = [await guesser(at(f"203.0.113.{number}")) for number in range(5)]

    async def all_at_once(step: int) -> list[int]:
        guesses = (client.type_code(page, f"{(right + step) % 1_000_000:06}") for client, page, right in guessers)
        return sorted([answer.status_code for answer in await asyncio.gather(*guesses)])

    assert [await all_at_once(step) for step in (1, 2)] == [[422] * 5, [422] * 5]
    # Ten wrong codes before: one more is tried, and then nobody has more than two tries.
    assert await all_at_once(3) == [422, *[429] * 4]


async def guesser(client: AppClient) -> tuple[AppClient, Page, int]:
    phone = new_phone()
    page = await client.code_page(phone)
    return client, page, int(await client.texted_code(phone))
