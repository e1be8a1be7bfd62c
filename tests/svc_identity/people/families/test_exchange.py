"""A helper exchanges their token for one that acts for the person helped, and only within the family account."""

import time
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
import time_machine

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_identity.oauth.family_exchange import RESOURCE
from tests.contracts.test_private_answers import service_of, url_of
from tests.declared_answers import operations
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import TOKEN, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.oauth.suspensions.test_suspensions import lift, person_of, suspended
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_exchange import form
from tests.svc_identity.oauth.test_possession import code_form
from tests.svc_identity.people.families.relatives import Json, Relative, accepted, proposed, relative, said
from tests.svc_identity.people.families.test_family_accounts import shorten

REFUSED = (400, "invalid_target")


@pytest_asyncio.fixture
async def elder(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王大爷")


@pytest_asyncio.fixture
async def child(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王小明")


async def test_the_token_names_who_acts_for_whom(elder: Relative, child: Relative, tokens: Tokens) -> None:
    account = await accepted(elder, child)
    answer = await child.exchange(account)
    claims, own = said(answer, tokens), said(httpx.Response(200, json=child.tokens), tokens)
    assert (claims["sub"], claims["act"]) == (account["helped_id"], {"sub": account["helper_id"]})
    assert (claims["kind"], claims["authority"]) == ("helper", account["family_account_id"])
    assert claims["limits"] == {"day_limit_fen": 20_000, "month_limit_fen": 50_000}
    assert (claims["scope"], claims["sid"], claims["aud"]) == ("bills pay", own["sid"], own["aud"])
    assert claims["exp"] <= own["exp"]
    assert "refresh_token" not in answer.json()
    assert "memberships" not in claims


async def test_it_ends_with_the_family_account(
    elder: Relative, child: Relative, tokens: Tokens, database: Database
) -> None:
    account = await accepted(elder, child)
    await shorten(database, account, timedelta(seconds=40))
    answer = await child.exchange(account)
    assert said(answer, tokens)["exp"] <= time.time() + 40
    assert answer.json()["expires_in"] <= 40


async def test_only_what_was_granted_is_given(elder: Relative, child: Relative, tokens: Tokens) -> None:
    account = await accepted(elder, child, scopes=["bills"], day_limit_fen=None, month_limit_fen=None)
    assert said(await child.exchange(account, scope="bills"), tokens)["limits"] == {}
    for scope in ("pay", "bills pay", "profile", "openid", "offline_access", "staff"):
        assert refusal(await child.exchange(account, scope=scope)) == (400, "invalid_scope"), scope
    narrow = (await child.app.refresh(child.app.refresh_token, scope="openid mini_apps")).json()
    assert refusal(await child.exchange(account, subject_token=narrow["access_token"])) == (400, "invalid_scope")


async def test_nobody_acts_without_a_family_account_in_force(
    elder: Relative, child: Relative, new_app_client: NewAppClient, database: Database
) -> None:
    waiting = await proposed(elder, child)
    assert refusal(await child.exchange(waiting)) == REFUSED
    await child.step(waiting, "accept")
    assert (await child.exchange(waiting)).status_code == 200
    stranger = await relative(new_app_client, "王小明")
    for who in (stranger, elder):
        assert refusal(await who.exchange(waiting)) == REFUSED
    await elder.step(waiting, "withdraw")
    assert refusal(await child.exchange(waiting)) == REFUSED
    over = await accepted(elder, child)
    await shorten(database, over, timedelta(seconds=-1))  # and no worker has come by
    assert refusal(await child.exchange(over)) == REFUSED


async def test_a_helper_of_a_helper_gets_nothing(
    elder: Relative, child: Relative, new_app_client: NewAppClient
) -> None:
    account, friend = await accepted(elder, child), await relative(new_app_client, "赵六")
    second = await accepted(child, friend)
    theirs = (await friend.exchange(second)).json()["access_token"]
    for token in (theirs, (await child.exchange(account)).json()["access_token"]):
        for asked in (account, second):
            chained = await friend.exchange(asked, subject_token=token)
            assert refusal(chained) == (400, "invalid_request")


async def test_the_token_opens_nothing_of_identity(elder: Relative, child: Relative) -> None:
    headers = bearer((await child.exchange(await accepted(elder, child))).json())
    called = 0
    for (method, template), operation in sorted(operations().items()):
        if service_of(template) != "identity" or "with scope" not in operation["x-who-may-call"]:
            continue
        content: Json | None = {} if method in {"POST", "PUT", "PATCH"} else None
        answer = await child.app.api.request(method, url_of(template), json=content, headers=headers | once())
        assert answer.status_code == 403, f"{method} {template}: {answer.text}"
        called += 1
    assert called > 40
    ticket = await child.app.api.post("/identity/v1/me/data-exports", headers=headers | once())
    assert ticket.status_code in {403, 404}


async def test_a_suspension_of_either_stops_it_until_it_is_lifted(
    elder: Relative,
    child: Relative,
    operator: dict[str, str],
    second_operator: dict[str, str],
    database: Database,
) -> None:
    account = await accepted(elder, child)
    for who in (elder, child):
        person_id = await person_of(database, who.phone)
        of_person = await suspended(child.app.api, operator, subject="person", person_id=person_id)
        assert (await child.exchange(account)).status_code == 400
        assert (await lift(child.app.api, second_operator, of_person["suspension_id"])).status_code == 200
    with time_machine.travel(time.time() + 90):  # the next text message; the suspension has ended the sign-in
        again = await child.app.tokens(child.phone)
        assert (await child.exchange(account, subject_token=again["access_token"])).status_code == 200


@pytest.mark.parametrize("whose", ["elder", "child"])
async def test_who_withdraws_their_proof_neither_helps_nor_is_helped(
    elder: Relative, child: Relative, whose: str
) -> None:
    account, who = await accepted(elder, child), {"elder": elder, "child": child}[whose]
    given = (await who.app.api.get("/identity/v1/me/consents", headers=who.headers)).json()["items"]
    proofing = next(each for each in given if each["activity"] == "identity_proofing")
    path = f"/identity/v1/me/consents/{proofing['consent_id']}/withdraw"
    assert (await who.app.api.post(path, headers=who.headers | once())).status_code == 200
    assert refusal(await child.exchange(account)) == REFUSED
    other = child if who is elder else elder
    assert (await other.listed())[0]["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": f"{RESOURCE}x"}, "invalid_target"),
        ({"resource": f"{RESOURCE}{new_id()}"}, "invalid_target"),
        ({"resource": "https://other.test"}, "invalid_request"),
        ({"audience": "myili"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"subject_token": "x"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"client_id": "myili-staff"}, "invalid_request"),
    ],
    ids=str,
)
async def test_other_requests_are_refused(elder: Relative, child: Relative, changes: Json, error: str) -> None:
    assert refusal(await child.exchange(await accepted(elder, child), **changes)) == (400, error)


async def test_a_bound_token_gives_one_that_is_bound_to_the_same_key(
    elder: Relative, child: Relative, app_client: AppClient, tokens: Tokens
) -> None:
    account, prover, api = await accepted(elder, child), Prover(), app_client.api
    with time_machine.travel(time.time() + 90):  # the next text message
        code = await app_client.sign_in(child.phone)
    own = (await prover.send(api, "POST", TOKEN, data=code_form(app_client, code))).json()
    sent = form(own["access_token"], "", scope=None, resource=f"{RESOURCE}{account['family_account_id']}")
    del sent["audience"]
    assert refusal(await api.post(TOKEN, data=sent)) == (400, "invalid_dpop_proof")
    assert refusal(await Prover().send(api, "POST", TOKEN, data=sent)) == (400, "invalid_dpop_proof")
    answer = await prover.send(api, "POST", TOKEN, data=sent)
    assert answer.json()["token_type"] == "DPoP"  # noqa: S105 - no secret
    assert said(answer, tokens)["cnf"] == {"jkt": prover.thumbprint}
