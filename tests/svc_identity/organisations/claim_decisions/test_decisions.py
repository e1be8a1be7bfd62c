"""Claims at a counter: a clerk with the document, a supervisor who confirms, and what it does to both accounts."""

import asyncio
from functools import partial
from uuid import UUID

from sqlalchemy import select

from chassis.db import Database
from chassis.testing import once
from svc_identity.organisations.models import Membership, Role
from svc_identity.people.personal_data.models import PersonalDataRead, Purpose
from svc_identity.people.persons.models import Person
from svc_identity.settings import Settings
from tests.svc_identity.app_client import STAFF_CONSOLE
from tests.svc_identity.conftest import NewAppClient, browser_on, running
from tests.svc_identity.organisations.claim_decisions.conftest import (
    CLAIMS,
    REASON,
    Clash,
    Counter,
    Resident,
    clash_between,
    counter_at,
    employed,
    events_about,
    new_resident,
    step,
)
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.requests import Headers, granted
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, create
from tests.svc_identity.people.proofing.proofs import on_record, refusal

__all__ = ["platform"]


async def test_upheld_the_number_moves_and_both_are_told(clash: Clash, counter: Counter, database: Database) -> None:
    assert (await counter.review(clash.number)).json()["status"] == "reviewed"
    assert (await clash.holder.me())["assurance_level"] == 2
    decided = await counter.confirm(clash.number)
    assert (decided.status_code, decided.json()["status"], decided.json()["verdict"]) == (200, "decided", "upheld")
    holder, claimant = await (await clash.holder.back()).me(), await clash.claimant.me()
    assert (holder["assurance_level"], holder["name"]) == (1, None)
    assert (claimant["assurance_level"], claimant["name"]) == (2, "张*")
    said = await events_about(database, decided.json()["claim_id"], holder["person_id"], claimant["person_id"])
    assert [kind for kind, _ in said[-4:]] == [
        *("identity_claim.opened.v1", "person.proofing_revoked.v1", "person.proofed.v1", "identity_claim.decided.v1")
    ]
    assert said[-3][1] == {"person_id": holder["person_id"], "assurance_level": 1}
    assert not {name for _, data in said for name in data} & {"reason", "name", "number", "id_number"}


async def test_upheld_the_holder_can_prove_another_number_and_claim_this_one(
    clash: Clash, counter: Counter, settings: Settings
) -> None:
    await counter.review(clash.number)
    await counter.confirm(clash.number)
    back = await clash_between(clash.claimant, await clash.holder.back(), clash.id_number)
    assert back.number != clash.number
    assert (await clash.holder.prove(on_record(settings))).status_code == 200


async def test_rejected_nothing_changes(clash: Clash, counter: Counter, database: Database) -> None:
    before = [await clash.holder.me(), await clash.claimant.me()]
    await counter.review(clash.number, "rejected")
    decided = (await counter.confirm(clash.number)).json()
    assert (decided["status"], decided["verdict"], decided["reason"]) == ("decided", "rejected", REASON)
    assert [await clash.holder.me(), await clash.claimant.me()] == before
    assert [kind for kind, _ in await events_about(database, decided["claim_id"])] == [
        "identity_claim.opened.v1",
        "identity_claim.decided.v1",
    ]


async def test_a_clerk_sees_masked_data_and_each_look_is_logged(
    clash: Clash, counter: Counter, database: Database
) -> None:
    address = f"{CLAIMS}/{clash.number}"
    answer = await counter.clerk.client.api.get(address, headers=counter.clerk.headers)
    seen = answer.json()
    assert (seen["name"], seen["id_number"]) == ("张*", f"{clash.id_number[:3]}***********{clash.id_number[-4:]}")
    assert seen["phone"] == f"{clash.claimant.phone[:3]}****{clash.claimant.phone[-4:]}"
    assert seen["holder_phone"] == f"{clash.holder.phone[:3]}****{clash.holder.phone[-4:]}"
    for secret in (clash.id_number, "张三", clash.claimant.phone, clash.holder.phone):
        assert secret not in answer.text
    clerk = (await counter.clerk.me())["person_id"]
    async with database.read() as tx:
        logged = select(PersonalDataRead).where(
            PersonalDataRead.reader == clerk, PersonalDataRead.purpose == Purpose.IDENTITY_CLAIM
        )
        reads = [(str(read.person_id), read.fields) for read in await tx.scalars(logged)]
    claimant, holder = (await clash.claimant.me())["person_id"], (await clash.holder.me())["person_id"]
    expected = [(claimant, ["name", "id_number"]), (claimant, ["phone"]), (holder, ["phone"])]
    assert sorted(reads) == sorted(expected)


async def test_residents_see_no_claim_by_its_number(clash: Clash) -> None:
    for resident in (clash.claimant, clash.holder):
        address = f"{CLAIMS}/{clash.number}"
        assert refusal(await resident.client.api.get(address, headers=resident.headers)) == (403, "not_allowed")
        assert refusal(await step(resident, clash.number, "confirm")) == (403, "not_allowed")


async def test_a_verdict_is_confirmed_by_a_supervisor_of_the_same_counter_only(
    clash: Clash,
    counter: Counter,
    settings: Settings,
    new_app_client: NewAppClient,
    operator: Headers,
    second_operator: Headers,
) -> None:
    elsewhere = (await create(new_app_client().api, operator)).json()["organisation_id"]
    operators = operator, second_operator
    stranger = await employed(settings, partial(new_app_client, STAFF_CONSOLE), operators, elsewhere, "till_supervisor")
    assert refusal(await counter.confirm(clash.number)) == (409, "illegal_move")
    foreign = {"organisation_id": elsewhere, "verdict": "upheld", "reason": REASON}
    assert refusal(await step(counter.clerk, clash.number, "review", json=foreign)) == (403, "not_of_counter")
    await counter.review(clash.number)
    assert refusal(await counter.review(clash.number)) == (409, "illegal_move")
    assert refusal(await step(stranger, clash.number, "confirm")) == (403, "not_of_counter")
    assert refusal(await step(counter.clerk, clash.number, "confirm")) == (403, "not_allowed")
    assert (await clash.holder.me())["assurance_level"] == 2


async def test_one_person_with_both_roles_decides_nothing_alone(
    clash: Clash, counter: Counter, operator: Headers, second_operator: Headers
) -> None:
    both = counter.clerk
    await grant(both, (operator, second_operator), counter.id, "till_supervisor")
    await counter.review(clash.number)
    assert refusal(await step(both, clash.number, "confirm")) == (403, "second_person_needed")
    returned = await step(both, clash.number, "return", json={"reason": "a mistake"})
    assert refusal(returned) == (403, "second_person_needed")


async def grant(resident: Resident, operators: tuple[Headers, Headers], organisation_id: str, role: str) -> None:
    await granted(resident.client.api, operators, organisation_id, resident.phone, role)
    await resident.renewed()


async def test_a_supervisor_sends_a_claim_back_with_a_reason(clash: Clash, counter: Counter) -> None:
    await counter.review(clash.number)
    returned = await step(counter.supervisor, clash.number, "return", json={"reason": "another document"})
    seen = returned.json()
    assert (seen["status"], seen["return_reason"], seen["verdict"]) == ("open", "another document", None)
    assert (await counter.review(clash.number, "rejected")).json()["status"] == "reviewed"
    assert (await counter.confirm(clash.number)).json()["verdict"] == "rejected"


async def test_staff_decide_nothing_about_their_own_number(
    clash: Clash, counter: Counter, operator: Headers, second_operator: Headers
) -> None:
    for role in ("clerk", "till_supervisor"):
        await grant(clash.holder, (operator, second_operator), counter.id, role)
    body = {"organisation_id": counter.id, "verdict": "rejected", "reason": REASON}
    assert refusal(await step(clash.holder, clash.number, "review", json=body)) == (403, "own_identity_claim")
    await counter.review(clash.number)
    assert refusal(await step(clash.holder, clash.number, "confirm")) == (403, "own_identity_claim")
    assert (await counter.confirm(clash.number)).status_code == 200


async def test_a_removed_clerk_reviews_nothing_with_the_token_of_before(
    clash: Clash, counter: Counter, operator: Headers
) -> None:
    staff = f"{ORGANISATIONS}/{counter.id}"
    api = counter.clerk.client.api
    listed = (await api.get(f"{staff}/counter-staff", headers=operator)).json()["items"]
    (membership,) = [each["membership_id"] for each in listed if each["role"] == "clerk"]
    assert (await api.delete(f"{staff}/members/{membership}", headers=operator)).status_code == 204
    assert refusal(await counter.review(clash.number)) == (403, "not_allowed")


async def test_a_supervisor_of_less_than_a_day_confirms_nothing(
    clash: Clash, counter: Counter, settings: Settings
) -> None:
    await counter.review(clash.number)
    async with running(settings, cooling_off_hours=24) as app, browser_on(app) as api:
        address = f"{CLAIMS}/{clash.number}/confirm"
        assert refusal(await api.post(address, headers=counter.supervisor.headers | once())) == (403, "role_too_new")
    assert (await counter.confirm(clash.number)).status_code == 200


async def test_a_number_of_one_of_the_last_two_operators_moves_and_the_role_ends(platform: Platform) -> None:
    counter = await counter_at(platform.settings, platform.app_client, (platform.first, platform.second))
    me = (await platform.api.get("/identity/v1/me", headers=platform.first)).json()
    async with platform.database.read() as tx:
        id_number = await tx.scalar(select(Person.id_number).where(Person.id == me["person_id"]))
    claimant = await new_resident(platform.app_client)
    number = (await claimant.prove(id_number or "")).json()["claim_number"]
    await counter.review(number)
    assert (await counter.confirm(number)).json()["verdict"] == "upheld"
    async with platform.database.read() as tx:
        held = select(Membership.person_id).where(Membership.role == Role.OPERATOR, Membership.ended_at.is_(None))
        assert UUID(me["person_id"]) not in set(await tx.scalars(held))


async def test_the_first_of_two_confirmations_decides(clash: Clash, counter: Counter) -> None:
    await counter.review(clash.number)
    answers = await asyncio.gather(*(counter.confirm(clash.number) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_a_second_claim_on_the_number_is_decided_against_its_new_holder(
    clash: Clash, counter: Counter, new_app_client: NewAppClient, database: Database
) -> None:
    third = await new_resident(new_app_client)
    later = await clash_between(clash.holder, third, clash.id_number)
    for claim in (clash, later):
        await counter.review(claim.number)
        decided = (await counter.confirm(claim.number)).json()
    for each in (clash.holder, clash.claimant):
        await each.back()
    assert [(await each.me())["assurance_level"] for each in (clash.holder, clash.claimant, third)] == [1, 1, 2]
    _, (_, said) = await events_about(database, decided["claim_id"])
    assert said["respondent_id"] == (await clash.claimant.me())["person_id"]
