"""An ID number that somebody else has proved: the claim, its claimant's view, its end without a decision."""

import asyncio
import time

import httpx
import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database
from chassis.testing import once
from svc_identity.people.identity_claims.service import expire
from svc_identity.settings import Settings
from tests.security_log import SecurityLog
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.organisations.claim_decisions.conftest import (
    MINE,
    Clash,
    Counter,
    Resident,
    clash_between,
    events_about,
    new_resident,
)
from tests.svc_identity.people.proofing.proofs import on_record, refusal

A_MONTH = 30 * 86_400


async def mine(resident: Resident) -> list[dict[str, object]]:
    answer = await resident.client.api.get(MINE, headers=resident.headers)
    assert answer.status_code == 200, answer.text
    claims: list[dict[str, object]] = answer.json()["items"]
    return claims


async def withdraw(resident: Resident, claim_id: object) -> httpx.Response:
    address = f"{MINE}/{claim_id}/withdraw"
    return await resident.client.api.post(address, headers=resident.headers | once())


async def test_a_clash_opens_a_claim_that_names_neither_holder_nor_number(clash: Clash, database: Database) -> None:
    (claim,) = await mine(clash.claimant)
    assert (claim["number"], claim["status"], claim["verdict"]) == (clash.number, "open", None)
    assert await mine(clash.holder) == []
    ((kind, said),) = await events_about(database, str(claim["claim_id"]))
    holder, claimant = await clash.holder.me(), await clash.claimant.me()
    assert kind == "identity_claim.opened.v1"
    assert (said["respondent_id"], said["claimant_id"]) == (holder["person_id"], claimant["person_id"])
    assert clash.id_number not in str(said)
    assert (holder["assurance_level"], claimant["assurance_level"]) == (2, 1)


async def test_the_clash_again_is_the_same_claim_and_costs_no_try(clash: Clash) -> None:
    for _ in range(6):
        again = await clash.claimant.prove(clash.id_number)
        assert (refusal(again), again.json()["claim_number"]) == ((409, "id_number_taken"), clash.number)
    assert len(await mine(clash.claimant)) == 1


async def test_clashes_of_one_person_at_once_are_one_claim(settings: Settings, new_app_client: NewAppClient) -> None:
    id_number = on_record(settings)
    holder, claimant = [await new_resident(new_app_client) for _ in range(2)]
    await holder.prove(id_number)
    answers = await asyncio.gather(*(claimant.prove(id_number) for _ in range(4)))
    assert {refusal(answer) for answer in answers} == {(409, "id_number_taken")}
    assert len({answer.json()["claim_number"] for answer in answers}) == 1


async def test_a_claimant_withdraws_and_may_claim_again(clash: Clash, database: Database) -> None:
    (claim,) = await mine(clash.claimant)
    assert refusal(await withdraw(clash.holder, claim["claim_id"])) == (404, "not_found")
    assert (await withdraw(clash.claimant, claim["claim_id"])).json()["status"] == "withdrawn"
    assert refusal(await withdraw(clash.claimant, claim["claim_id"])) == (409, "identity_claim_closed")
    closed = (await events_about(database, str(claim["claim_id"])))[-1]
    assert (closed[0], closed[1]["status"]) == ("identity_claim.closed.v1", "withdrawn")
    again = await clash_between(clash.holder, clash.claimant, clash.id_number)
    assert again.number != clash.number


async def test_proving_another_number_withdraws_the_claim(clash: Clash, settings: Settings) -> None:
    assert (await clash.claimant.prove(on_record(settings))).status_code == 200
    (claim,) = await mine(clash.claimant)
    assert claim["status"] == "withdrawn"


async def test_a_claim_that_nobody_decides_expires(clash: Clash, counter: Counter, database: Database) -> None:
    with time_machine.travel(time.time() + A_MONTH - 60):
        async with database.transaction() as tx:
            await expire(tx)
    assert [claim["status"] for claim in await mine(clash.claimant)] == ["open"]
    with time_machine.travel(time.time() + A_MONTH + 60):
        counter.clerk.signed_in = await counter.clerk.client.tokens(counter.clerk.phone)
        assert refusal(await counter.review(clash.number)) == (409, "identity_claim_closed")
        async with database.transaction() as tx:
            await expire(tx)
    assert [claim["status"] for claim in await mine(clash.claimant)] == ["expired"]


async def test_a_closed_claim_holds_no_personal_data_and_never_changes(clash: Clash, database: Database) -> None:
    (claim,) = await mine(clash.claimant)
    await withdraw(clash.claimant, claim["claim_id"])
    left = "SELECT num_nonnulls(name, id_number, id_number_index) FROM identity_claims WHERE number = :number"
    reopening = "UPDATE identity_claims SET reason = 'x' WHERE number = :number"
    async with database.sessions() as tx:
        assert await tx.scalar(text(left), {"number": clash.number}) == 0
        with pytest.raises(DBAPIError, match="keeps what is closed"):
            await tx.execute(text(reopening), {"number": clash.number})


async def test_the_security_log_has_each_step_of_a_claim(
    settings: Settings, new_app_client: NewAppClient, security_log: SecurityLog
) -> None:
    id_number = on_record(settings)
    holder, claimant = [await new_resident(new_app_client) for _ in range(2)]
    await holder.prove(id_number)
    security_log.must_not_hold(id_number)
    security_log.forget()
    await clash_between(holder, claimant, id_number)
    await withdraw(claimant, (await mine(claimant))[0]["claim_id"])
    assert security_log.kinds() == [
        ("identity_claim_opened", ""),
        ("proof_failed", "id_number_taken"),
        ("identity_claim_closed", "withdrawn"),
    ]
