"""Wrong codes: each costs one of five tries, however often its form is posted."""

import asyncio
import time

import httpx
import time_machine

from tests.svc_identity.app_client import AppClient, Page, returned_to_app


def wrong(code: str, step: int = 1) -> str:
    return f"{(int(code) + step) % 1_000_000:06}"


async def answers_to(app_client: AppClient, page: Page, *typed: str) -> list[httpx.Response]:
    return list(await asyncio.gather(*(app_client.type_code(page, each) for each in typed)))


async def test_a_wrong_code_can_be_corrected(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    refused = Page(await app_client.type_code(page, wrong(code)))
    assert refused.answer.status_code == 422
    spaced = f" {code[:3]} {code[3:]} "
    assert "code" in returned_to_app(await app_client.type_code(refused, spaced))


async def test_the_sixth_attempt_is_refused_even_if_right(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    statuses = [(await app_client.type_code(page, wrong(code, step))).status_code for step in range(1, 6)]
    assert statuses == [422, 422, 422, 422, 429]
    assert (await app_client.type_code(page, code)).status_code == 429


async def test_concurrent_guesses_are_counted_one_by_one(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    answers = await answers_to(app_client, page, *(wrong(code, step) for step in range(1, 21)))
    assert sorted(answer.status_code for answer in answers) == [*[422] * 4, *[429] * 16]
    assert (await app_client.type_code(page, code)).status_code == 429


async def test_a_double_tap_on_a_wrong_code_costs_one_try_and_gets_one_answer(
    app_client: AppClient, phone: str
) -> None:
    page = await app_client.code_page(phone, ui_locales="en")
    code = await app_client.texted_code(phone)
    for left in (4, 3):
        answers = await answers_to(app_client, page, *[wrong(code, left)] * 3)
        assert [answer.status_code for answer in answers] == [422] * 3
        assert all(f"Tries left: {left}." in answer.text for answer in answers)
    assert "code" in returned_to_app(await app_client.type_code(page, code))


async def test_wrong_codes_that_are_each_posted_many_times_at_once_are_each_one_try(
    app_client: AppClient, phone: str
) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    typed = [wrong(code, step) for step in range(1, 5)]
    answers = await answers_to(app_client, page, *typed * 4)
    assert {answer.status_code for answer in answers} == {422}
    assert (await app_client.type_code(page, wrong(code, 5))).status_code == 429


async def test_a_repeated_code_brings_no_try_back(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    for step in range(1, 6):
        await app_client.type_code(page, wrong(code, step))
    answers = await answers_to(app_client, page, wrong(code, 5), wrong(code, 1), code)
    assert [answer.status_code for answer in answers] == [429] * 3


async def test_a_wrong_code_costs_a_try_of_the_next_code_too(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone, ui_locales="en")
    first = await app_client.texted_code(phone)
    await app_client.type_code(page, wrong(first))
    with time_machine.travel(time.time() + 61):
        again = page.forms[-1]
        assert (await app_client.api.post(again.action, data=again.fields)).status_code == 303
        second = await app_client.texted_code(phone)
        typed = wrong(first) if wrong(first) != second else wrong(second)
        assert "Tries left: 4." in (await app_client.type_code(page, typed)).text
        assert "code" in returned_to_app(await app_client.type_code(page, second))


async def test_what_is_kept_of_a_wrong_code_is_no_answer_to_the_right_one(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    await app_client.type_code(page, wrong(code))
    answers = await answers_to(app_client, page, *[code] * 3)
    assert len({returned_to_app(answer)["code"] for answer in answers}) == 1
    assert (await app_client.type_code(page, wrong(code))).status_code == 410
