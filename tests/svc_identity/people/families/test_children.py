"""A guardian registers a child and acts for it until its eighteenth birthday; a counter decides between strangers."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import emitted
from kit.calendar import today
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.children.models import GuardianConsent
from svc_identity.people.families import service
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import id_number_index
from svc_identity.people.proofing.models import ProofingAttempt
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.oauth.acting.scene import ME
from tests.svc_identity.oauth.test_codes import refusal as oauth_refusal
from tests.svc_identity.organisations.claim_decisions.conftest import Counter, counter
from tests.svc_identity.organisations.test_organisations import refusal
from tests.svc_identity.people.families.relatives import Json, Relative, relative
from tests.svc_identity.people.families.test_family_accounts import shorten

__all__ = ["counter"]

CHILDREN, NAME = f"{ME}/children", "王小宝"


def born(years: int, days: int = 0) -> str:
    """The number of somebody who is so many years and days old today."""
    day = today()
    birth = day.replace(year=day.year - years) - timedelta(days=days)
    return id_number(born=birth.strftime("%Y%m%d"))


async def register(guardian: Relative, number: str, **changes: object) -> httpx.Response:
    child = {"name": NAME, "id_number": number, "consent_version": version_in_force(), **changes}
    return await guardian.call("POST", CHILDREN, json=child)


async def registered(guardian: Relative, number: str) -> Json:
    answer = await register(guardian, number)
    assert answer.status_code == 201, answer.text
    account: Json = answer.json()
    return account


async def person_of(database: Database, number: str) -> Person | None:
    async with database.read() as tx:
        found: Person | None = await tx.scalar(select(Person).where(Person.id_number_index == id_number_index(number)))
        return found


@pytest_asyncio.fixture
async def mother(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "李梅")


@pytest_asyncio.fixture
async def father(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王强")


async def test_a_guardian_acts_for_the_child_until_it_is_eighteen(mother: Relative, database: Database) -> None:
    number = born(9)
    account = await registered(mother, number)
    assert (account["kind"], account["side"], account["status"]) == ("guardian", "helper", "active")
    assert account["helped_name"] == "王**"
    child = await person_of(database, number)
    assert child is not None
    assert (str(child.id), child.phone_index, child.assurance_level) == (account["helped_id"], None, 2)
    async with database.read() as tx:
        consents = select(GuardianConsent).where(GuardianConsent.child_index == id_number_index(number))
        (consent,) = (await tx.scalars(consents)).all()
        attempts = select(ProofingAttempt.started_at).where(ProofingAttempt.id_number_index == id_number_index(number))
        assert consent.given_at <= (await tx.scalars(attempts)).one()
    until = (await mother.listed())[0]["valid_until"]
    assert until.startswith(str(today().replace(year=today().year + 9) - timedelta(days=1)))  # 16:00 UTC before
    assert (await mother.help(account)).status_code == 200


@pytest.mark.parametrize(("years", "days", "status"), [(17, 364, 201), (18, 0, 409), (40, 0, 409)])
async def test_the_eighteenth_birthday_is_the_limit(mother: Relative, years: int, days: int, status: int) -> None:
    answer = await register(mother, born(years, days))
    assert answer.status_code == status, answer.text
    if status == 409:
        assert refusal(answer) == (409, "not_a_minor")


async def test_who_is_under_fourteen_proves_nothing_alone(new_app_client: NewAppClient, database: Database) -> None:
    child, number = Relative(new_app_client(), NAME), born(13, 364)
    await child.sign_in()
    refused = await child.call("POST", f"{ME}/proofing", json=proof(NAME, number))
    assert refusal(refused) == (403, "guardian_needed")
    async with database.read() as tx:
        asked = select(ProofingAttempt).where(ProofingAttempt.id_number_index == id_number_index(number))
        assert (await tx.scalars(asked)).all() == []
    assert (await child.call("POST", f"{ME}/proofing", json=proof(NAME, born(14)))).status_code == 200


async def test_nothing_is_asked_without_the_guardians_consent(mother: Relative, database: Database) -> None:
    number = born(9)
    assert refusal(await register(mother, number, consent_version="2020-01-01")) == (409, "consent_required")
    async with database.read() as tx:
        asked = select(ProofingAttempt).where(ProofingAttempt.id_number_index == id_number_index(number))
        assert (await tx.scalars(asked)).all() == []


async def test_a_minor_is_nobodys_guardian(new_app_client: NewAppClient, mother: Relative) -> None:
    young = Relative(new_app_client(), "王大宝", number=born(16))
    await young.proofed()
    assert refusal(await register(young, born(3))) == (403, "guardian_not_adult")
    account = await registered(mother, born(4))
    invited = await mother.call(
        "POST", f"{CHILDREN}/{account['helped_id']}/guardians", json={"phone": young.phone, "name": young.name}
    )
    assert refusal(await young.step(invited.json(), "accept")) == (403, "guardian_not_adult")


async def test_a_second_guardian_and_nobody_left(mother: Relative, father: Relative, database: Database) -> None:
    number = born(5)
    account = await registered(mother, number)
    path, body = f"{CHILDREN}/{account['helped_id']}/guardians", {"phone": father.phone, "name": father.name}
    assert refusal(await father.call("POST", path, json=body)) == (404, "not_found")
    second = (await mother.call("POST", path, json=body)).json()
    assert oauth_refusal(await father.help(second)) == (400, "invalid_request")
    assert (await father.step(second, "accept")).json()["valid_until"] == account["valid_until"]
    assert (await father.help(second)).status_code == 200
    assert (await mother.step(account, "withdraw")).status_code == 200
    assert (await father.help(second)).status_code == 200
    assert (await father.step(second, "withdraw")).status_code == 200
    assert await person_of(database, number) is None  # nobody consents any more
    async with database.read() as tx:
        child = await tx.get_one(Person, UUID(account["helped_id"]))
        kinds = [each.type.split(".")[-2] for each in await emitted(tx) if each.key == account["helped_id"]]
    assert child.closed_at
    assert kinds == ["registered", "proofed", "closed"]


async def test_the_family_account_ends_on_the_birthday(mother: Relative, database: Database) -> None:
    number = born(8)
    account = await registered(mother, number)
    await shorten(database, account, timedelta(seconds=-1))  # the birthday has begun
    assert oauth_refusal(await mother.help(account)) == (400, "invalid_request")  # before any worker comes by
    async with database.transaction() as tx:
        await service.expire(tx)
    assert (await mother.listed())[0]["status"] == "expired"
    assert await person_of(database, number) is None
    grown = await register(mother, number)
    assert grown.status_code == 201  # by the clock of this test it is a child again


async def test_of_two_who_register_a_child_at_once_one_gets_it(mother: Relative, father: Relative) -> None:
    number = born(6)
    answers = await asyncio.gather(register(mother, number), register(father, number))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    again = await register(mother if answers[0].status_code == 201 else father, number)
    assert refusal(again) == (409, "family_account_exists")


@pytest.mark.parametrize("verdict", ["upheld", "rejected"])
async def test_a_counter_decides_between_strangers(
    mother: Relative, father: Relative, counter: Counter, verdict: str
) -> None:
    account = await registered(father, number := born(7))
    refused = await register(mother, number)
    assert refusal(refused) == (409, "child_registered")
    claim = refused.json()["claim_number"]
    assert account["helped_id"] not in refused.text
    assert await mother.listed() == []
    assert oauth_refusal(await mother.help(account)) == (400, "invalid_request")
    reviewed = await counter.review(claim, verdict)
    assert (reviewed.status_code, reviewed.json()["guardianship"]) == (200, True), reviewed.text
    assert (await counter.confirm(claim)).status_code == 200
    gains, loses = (mother, father) if verdict == "upheld" else (father, mother)
    assert (await gains.help(account)).status_code == 200
    assert oauth_refusal(await loses.help(account)) == (400, "invalid_request")
