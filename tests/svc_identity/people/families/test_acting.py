"""A helper acts for the person helped by a token exchange, and only within the family account."""

import time
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt

from chassis.db import Database, new_id
from chassis.testing import Tokens
from tests.contracts.test_private_answers import service_of, url_of
from tests.declared_answers import operations
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.oauth.acting.scene import ME
from tests.svc_identity.oauth.suspensions.test_suspensions import lift, person_of, suspended
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.people.families.relatives import Json, Relative, accepted, proposed, relative
from tests.svc_identity.people.families.test_family_accounts import shorten

REFUSED = (400, "invalid_request")


@pytest_asyncio.fixture
async def elder(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王大爷")


@pytest_asyncio.fixture
async def child(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王小明")


def said(answer: httpx.Response, tokens: Tokens) -> Json:
    """The claims of the token in an answer."""
    assert answer.status_code == 200, answer.text
    claims: Json = jwt.decode(answer.json()["access_token"], tokens.key, ["ES256"]).claims
    return claims


async def test_the_token_names_who_acts_for_whom(elder: Relative, child: Relative, tokens: Tokens) -> None:
    account = await accepted(elder, child)
    answer = await child.help(account)
    claims = said(answer, tokens)
    assert (claims["sub"], claims["act"]) == (account["helped_id"], {"sub": account["helper_id"]})
    assert (claims["kind"], claims["authority"]) == ("relative", account["family_account_id"])
    assert claims["limits"] == {"day_limit_fen": 20_000, "month_limit_fen": 50_000}
    assert (claims["scope"], claims["assurance_level"]) == ("bills pay", 2)
    assert claims["cnf"] == {"jkt": child.prover.thumbprint}
    assert not {"refresh_token", "id_token"} & answer.json().keys()
    assert "memberships" not in claims


async def test_it_ends_with_the_family_account(
    elder: Relative, child: Relative, tokens: Tokens, database: Database
) -> None:
    account = await accepted(elder, child)
    await shorten(database, account, timedelta(seconds=40))
    answer = await child.help(account)
    assert said(answer, tokens)["exp"] <= time.time() + 40
    assert answer.json()["expires_in"] <= 40


async def test_only_what_was_granted_is_given(elder: Relative, child: Relative, tokens: Tokens) -> None:
    account = await accepted(elder, child, scopes=["bills"], day_limit_fen=None, month_limit_fen=None)
    assert said(await child.help(account, scope="bills"), tokens)["limits"] == {}
    for scope in ("pay", "bills pay", "profile", "openid", "offline_access", "staff"):
        assert refusal(await child.help(account, scope=scope)) == (400, "invalid_scope"), scope


async def test_nobody_acts_without_a_family_account_in_force(
    elder: Relative, child: Relative, new_app_client: NewAppClient, database: Database
) -> None:
    waiting = await proposed(elder, child)
    assert refusal(await child.help(waiting)) == REFUSED
    active = (await child.step(waiting, "accept")).json()
    assert (await child.help(active)).status_code == 200
    stranger = await relative(new_app_client, "王小明")
    assert refusal(await stranger.help(active)) == REFUSED
    assert refusal(await elder.help(active)) == REFUSED
    assert refusal(await elder.help({"helped_id": active["helper_id"]})) == REFUSED  # not the other way round
    await elder.step(active, "withdraw")
    assert refusal(await child.help(active)) == REFUSED
    over = await accepted(elder, child)
    await shorten(database, over, timedelta(seconds=-1))  # and no worker has come by
    assert refusal(await child.help(over)) == REFUSED


async def test_a_helper_of_a_helper_gets_nothing(
    elder: Relative, child: Relative, new_app_client: NewAppClient
) -> None:
    account, friend = await accepted(elder, child), await relative(new_app_client, "赵六")
    second = await accepted(child, friend)
    assert refusal(await friend.help(account)) == REFUSED
    theirs = (await friend.help(second)).json()["access_token"]
    assert refusal(await friend.help(account, actor_token=theirs)) == REFUSED
    of_child = (await child.help(account)).json()["access_token"]
    assert refusal(await child.help(second, actor_token=of_child)) == REFUSED


async def test_the_token_opens_nothing_of_identity(elder: Relative, child: Relative) -> None:
    token, called = (await child.help(await accepted(elder, child))).json()["access_token"], 0
    for (method, template), operation in sorted(operations().items()):
        if service_of(template) != "identity" or "with scope" not in operation["x-who-may-call"]:
            continue
        content: Json | None = {} if method in {"POST", "PUT", "PATCH"} else None
        answer = await child.call(method, url_of(template), token=token, json=content)
        assert answer.status_code == 403, f"{method} {template}: {answer.text}"
        called += 1
    assert called > 40


async def test_a_suspension_of_either_stops_it_until_it_is_lifted(
    elder: Relative,
    child: Relative,
    operator: dict[str, str],
    second_operator: dict[str, str],
    database: Database,
) -> None:
    account, api = await accepted(elder, child), child.client.api
    for who in (elder, child):
        person_id = await person_of(database, who.phone)
        of_person = await suspended(api, operator, subject="person", person_id=person_id)
        assert (await child.help(account)).status_code == 400
        assert (await lift(api, second_operator, of_person["suspension_id"])).status_code == 200
    with time_machine.travel(time.time() + 90):  # the next text message; the suspension has ended the sign-in
        await child.sign_in()
        assert (await child.help(account)).status_code == 200


@pytest.mark.parametrize("whose", ["elder", "child"])
async def test_who_withdraws_their_proof_neither_helps_nor_is_helped(
    elder: Relative, child: Relative, whose: str
) -> None:
    account, who = await accepted(elder, child), {"elder": elder, "child": child}[whose]
    given = (await who.call("GET", f"{ME}/consents")).json()["items"]
    proofing = next(each for each in given if each["activity"] == "identity_proofing")
    withdrawn = await who.call("POST", f"{ME}/consents/{proofing['consent_id']}/withdraw")
    assert withdrawn.status_code == 200
    assert refusal(await child.help(account)) == REFUSED
    other = child if who is elder else elder
    assert (await other.listed())[0]["status"] == "withdrawn"


async def test_other_requests_are_refused(elder: Relative, child: Relative) -> None:
    account = await accepted(elder, child)
    for subject in ("x", account["family_account_id"], str(new_id()), account["helper_id"]):
        assert refusal(await child.help({"helped_id": subject})) == REFUSED, subject
    organisation = "urn:myili:principal:organisation"
    assert refusal(await child.help(account, subject_token_type=organisation)) == REFUSED
