"""Tries at level 3 are counted for each person, also at once, and those of others never."""

import asyncio
import time

import time_machine

from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.people.proofing.proofs import refusal
from tests.svc_identity.verifications.conftest import Capture, Clash, Person, begin, verify

LIMITED = (429, "too_many_proofings")


async def test_sixteen_tries_of_one_person_at_once_are_five(person: Person) -> None:
    methods = ("face", "network_certificate")
    answers = await asyncio.gather(*(begin(person, methods[turn % 2]) for turn in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 11
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert (refusal(refused), refused.json()["attempts_a_day"]) == (LIMITED, 5)
    wait = int(refused.headers["retry-after"])
    with time_machine.travel(time.time() + wait - 60):
        person.signed_in = await person.client.renewed()
        assert refusal(await begin(person)) == LIMITED
    with time_machine.travel(time.time() + wait + 60):
        person.signed_in = await person.client.renewed()
        assert (await begin(person)).status_code == 200


async def test_tries_of_a_stranger_on_a_number_never_count_against_its_owner(clash: Clash, capture: Capture) -> None:
    answers = [(await begin(clash.claimant)).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    await verify(clash.holder, capture, clash.id_number)
    assert (await clash.holder.me())["assurance_level"] == 3


async def test_the_limit_is_of_the_person_and_not_of_the_sign_in(person: Person, new_app_client: NewAppClient) -> None:
    for _ in range(5):
        assert (await begin(person)).status_code == 200
    with time_machine.travel(time.time() + 61):  # the next code may be sent
        again = new_app_client()
        person.client, person.signed_in = again, await again.tokens(person.phone)
        assert refusal(await begin(person)) == LIMITED
