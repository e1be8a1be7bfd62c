"""Tries at proofing: bounded for whoever makes them, also at once; those of strangers keep no owner out."""

import asyncio
import time
from typing import Any

import httpx
import pytest
import time_machine

from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.people.proofing.proofs import on_record, prove, refusal

WRONG, LIMITED = (422, "identity_not_confirmed"), (429, "too_many_proofings")
OTHER_NAME = "李四"

Account = tuple[AppClient, dict[str, Any]]


async def accounts(new_app_client: NewAppClient, count: int) -> list[Account]:
    clients = [new_app_client() for _ in range(count)]
    return [(client, await client.tokens(new_phone())) for client in clients]


async def guess(account: Account, number: str) -> tuple[int, str]:
    client, signed_in = account
    return refusal(await prove(client.api, signed_in, name=OTHER_NAME, number=number))


async def contest(account: Account, number: str) -> None:
    """Use up all that one stranger has on a number."""
    assert [await guess(account, number) for _ in range(6)] == [WRONG] * 5 + [LIMITED]


async def test_an_account_has_five_tries_a_day(app_client: AppClient, settings: Settings, phone: str) -> None:
    signed_in = await app_client.tokens(phone)
    number = on_record(settings)
    await contest((app_client, signed_in), number)
    refused = await prove(app_client.api, signed_in)
    assert refusal(refused) == LIMITED
    assert refused.json()["attempts_a_day"] == 5


@pytest.mark.parametrize(("early", "status"), [(60, 429), (-1, 200)])
async def test_the_next_try_is_possible_when_the_answer_says(
    app_client: AppClient, settings: Settings, phone: str, early: int, status: int
) -> None:
    await app_client.tokens(phone)
    start = time.time()
    for hour in range(5):
        with time_machine.travel(start + hour * 3_600):
            fresh = await app_client.renewed()
            answer = await prove(app_client.api, fresh, name=OTHER_NAME, number=on_record(settings))
            assert refusal(answer) == WRONG
    with time_machine.travel(start + 5 * 3_600):
        wait = int((await prove(app_client.api, await app_client.renewed())).headers["retry-after"])
    assert 18 * 3_600 < wait <= 19 * 3_600 + 5
    with time_machine.travel(start + 5 * 3_600 + wait - early):
        assert (await prove(app_client.api, await app_client.renewed())).status_code == status


async def test_sixteen_tries_of_one_account_at_once_are_five(
    app_client: AppClient, settings: Settings, phone: str
) -> None:
    account = (app_client, await app_client.tokens(phone))
    numbers = [on_record(settings) for _ in range(2)]
    answers = await asyncio.gather(*(guess(account, numbers[turn % 2]) for turn in range(16)))
    assert sorted(answers) == [WRONG] * 5 + [LIMITED] * 11


async def test_tries_of_strangers_do_not_keep_the_owner_out(new_app_client: NewAppClient, settings: Settings) -> None:
    number = on_record(settings)
    *strangers, (owner, owners) = await accounts(new_app_client, 4)
    for stranger in strangers:
        await guess(stranger, number)
        await guess(stranger, number)
    assert (await prove(owner.api, owners, number=number)).status_code == 200


async def test_the_owner_may_correct_a_typing_error_after_strangers_have_tried(
    new_app_client: NewAppClient, settings: Settings
) -> None:
    number = on_record(settings)
    stranger, owner = await accounts(new_app_client, 2)
    await contest(stranger, number)
    assert await guess(owner, number) == WRONG
    assert (await prove(owner[0].api, owner[1], number=number)).status_code == 200


async def test_sixteen_strangers_at_once_do_not_keep_the_owner_out(
    new_app_client: NewAppClient, settings: Settings
) -> None:
    number = on_record(settings)
    *strangers, (owner, owners) = await accounts(new_app_client, 17)
    guesses = [guess(stranger, number) for stranger in strangers]
    answers: list[Any] = await asyncio.gather(*guesses, prove(owner.api, owners, number=number))
    assert answers[:-1] == [WRONG] * 16
    assert answers[-1].status_code == 200


async def test_on_a_contested_number_another_account_has_two_tries(
    new_app_client: NewAppClient, settings: Settings
) -> None:
    number, elsewhere = on_record(settings), on_record(settings)
    first, second = await accounts(new_app_client, 2)
    await contest(first, number)
    assert [await guess(second, number) for _ in range(3)] == [WRONG, WRONG, LIMITED]
    refused = await prove(second[0].api, second[1], number=number)
    assert refused.json()["attempts_a_day"] == 2
    assert await guess(second, elsewhere) == WRONG


async def test_on_a_contested_number_eight_tries_of_an_account_at_once_are_two(
    new_app_client: NewAppClient, settings: Settings
) -> None:
    number = on_record(settings)
    first, second = await accounts(new_app_client, 2)
    await contest(first, number)
    answers = await asyncio.gather(*(guess(second, number) for _ in range(8)))
    assert sorted(answers) == [WRONG] * 2 + [LIMITED] * 6


async def test_the_right_name_gets_no_other_refusal_than_a_wrong_one_when_the_tries_are_used_up(
    new_app_client: NewAppClient, settings: Settings
) -> None:
    number = on_record(settings)
    first, (second, signed_in) = await accounts(new_app_client, 2)
    await contest(first, number)
    for _ in range(2):
        await guess((second, signed_in), number)
    answers: list[httpx.Response] = [
        await prove(second.api, signed_in, name=OTHER_NAME, number=number),
        await prove(second.api, signed_in, number=number),
    ]
    told = [{name: value for name, value in answer.json().items() if name != "instance"} for answer in answers]
    assert told[0] == told[1]
    assert refusal(answers[1]) == LIMITED
