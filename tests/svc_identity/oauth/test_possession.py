"""Tokens bound to a key (RFC 9449): given for a proof, and worth nothing without the next one."""

import asyncio
from argparse import Namespace
from typing import Any

import httpx
import pytest
from joserfc import jwt

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_identity.oauth import apps
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import APP, REDIRECT_URI, TOKEN, AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL, new_phone
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_pushed_requests import PAR, code_page

USERINFO = "/identity/v1/oauth/userinfo"
INVALID = (400, "invalid_grant")


def code_form(app: AppClient, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "code": code,
        "code_verifier": app.verifier,
    }


async def redeem(app: AppClient, prover: Prover, code: str) -> httpx.Response:
    return await prover.send(app.api, "POST", TOKEN, data=code_form(app, code))


async def refresh(app: AppClient, prover: Prover, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "client_id": app.client_id, "refresh_token": token}
    return await prover.send(app.api, "POST", TOKEN, data=form)


async def bound_tokens(app: AppClient, prover: Prover) -> dict[str, Any]:
    answer = await redeem(app, prover, await app.sign_in(new_phone()))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_proof_gives_tokens_that_are_bound(app_client: AppClient, tokens: Tokens) -> None:
    prover = Prover()
    answer = await bound_tokens(app_client, prover)
    assert answer["token_type"] == "DPoP"  # noqa: S105 - no secret
    claims = jwt.decode(answer["access_token"], tokens.key, ["ES256"]).claims
    assert claims["cnf"] == {"jkt": prover.thumbprint}
    renewed = (await refresh(app_client, prover, answer["refresh_token"])).json()
    assert jwt.decode(renewed["access_token"], tokens.key, ["ES256"]).claims["cnf"] == {"jkt": prover.thumbprint}


async def test_a_first_proof_without_nonce_is_answered_with_one_and_spends_nothing(app_client: AppClient) -> None:
    code, prover = await app_client.sign_in(new_phone()), Prover()
    headers = {"DPoP": prover.proof("POST", f"{PUBLIC_URL}{TOKEN}")}
    first = await app_client.api.post(TOKEN, data=code_form(app_client, code), headers=headers)
    assert refusal(first) == (400, "use_dpop_nonce")
    assert first.headers["cache-control"] == "no-store"
    prover.nonce = first.headers["dpop-nonce"]
    answer = await redeem(app_client, prover, code)
    assert answer.status_code == 200
    assert answer.headers["dpop-nonce"]


async def test_a_bound_token_opens_nothing_without_its_key(app_client: AppClient) -> None:
    api, prover = app_client.api, Prover()
    token = (await bound_tokens(app_client, prover))["access_token"]
    opened = await prover.send(api, "GET", USERINFO, token=token)
    assert opened.status_code == 200
    as_bearer = await api.get(USERINFO, headers=bearer({"access_token": token}))
    assert (as_bearer.status_code, as_bearer.json()["code"]) == (401, "token_wrongly_presented")
    unproved = await api.get(USERINFO, headers={"Authorization": f"DPoP {token}"})
    assert (unproved.status_code, unproved.json()["code"]) == (401, "proof_refused")
    assert 'error="invalid_dpop_proof"' in unproved.headers["www-authenticate"]
    thief = await Prover(nonce=prover.nonce).send(api, "GET", USERINFO, token=token)
    assert (thief.status_code, thief.json()["code"]) == (401, "proof_refused")


async def test_a_bound_token_that_lacks_the_scope_is_told_so_in_its_own_scheme(app_client: AppClient) -> None:
    prover = Prover()
    code = await app_client.sign_in(new_phone(), scope="openid bills")
    token = (await redeem(app_client, prover, code)).json()["access_token"]
    refused = await prover.send(app_client.api, "GET", "/identity/v1/me", token=token)
    assert refused.status_code == 403
    challenge = 'DPoP realm="myili", error="insufficient_scope", scope="profile"'
    assert refused.headers["www-authenticate"] == challenge


async def test_an_unbound_token_is_not_passed_off_as_bound(app_client: AppClient, phone: str) -> None:
    token = (await app_client.tokens(phone))["access_token"]
    answer = await Prover().send(app_client.api, "GET", USERINFO, token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_wrongly_presented")


async def test_a_service_asks_for_its_nonce(app_client: AppClient) -> None:
    prover = Prover()
    token = (await bound_tokens(app_client, prover))["access_token"]
    headers = {"Authorization": f"DPoP {token}"}
    proof = prover.proof("GET", f"{PUBLIC_URL}{USERINFO}", token=token, nonce="old")
    answer = await app_client.api.get(USERINFO, headers=headers | {"DPoP": proof})
    assert (answer.status_code, answer.json()["code"]) == (401, "proof_nonce_wanted")
    assert answer.headers["www-authenticate"].startswith("DPoP ")
    assert 'error="use_dpop_nonce"' in answer.headers["www-authenticate"]
    nonce = answer.headers["dpop-nonce"]
    again = prover.proof("GET", f"{PUBLIC_URL}{USERINFO}", token=token, nonce=nonce)
    assert (await app_client.api.get(USERINFO, headers=headers | {"DPoP": again})).status_code == 200


async def test_a_proof_is_replayed_neither_at_a_service_nor_at_the_token_endpoint(app_client: AppClient) -> None:
    api, prover = app_client.api, Prover()
    answer = await bound_tokens(app_client, prover)
    token = answer["access_token"]
    proof = prover.proof("GET", f"{PUBLIC_URL}{USERINFO}", token=token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    answers = await asyncio.gather(*(api.get(USERINFO, headers=headers) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [200, *[401] * 5]
    form = {"grant_type": "refresh_token", "client_id": APP, "refresh_token": answer["refresh_token"]}
    proof = prover.proof("POST", f"{PUBLIC_URL}{TOKEN}")
    answers = [await api.post(TOKEN, data=form, headers={"DPoP": proof}) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 400]
    assert refusal(answers[1]) == (400, "invalid_dpop_proof")


async def test_a_stolen_refresh_token_is_worth_nothing_and_ends_nothing(app_client: AppClient) -> None:
    prover, thief = Prover(), Prover()
    first = (await bound_tokens(app_client, prover))["refresh_token"]
    assert refusal(await refresh(app_client, thief, first)) == INVALID
    assert refusal(await app_client.refresh(first)) == INVALID
    second = (await refresh(app_client, prover, first)).json()["refresh_token"]
    # Within the grace of a lost answer, too, only the key that the token belongs to gets the answer again.
    assert refusal(await refresh(app_client, thief, first)) == INVALID
    again = await refresh(app_client, prover, first)
    assert again.json()["refresh_token"] == second
    assert (await refresh(app_client, prover, second)).status_code == 200


async def test_a_sign_in_from_before_is_bound_by_its_first_proof(app_client: AppClient, phone: str) -> None:
    prover = Prover()
    first = (await app_client.tokens(phone))["refresh_token"]
    second = await refresh(app_client, prover, first)
    assert second.json()["token_type"] == "DPoP"  # noqa: S105 - no secret
    assert refusal(await app_client.refresh(second.json()["refresh_token"])) == INVALID


async def test_a_code_belongs_to_the_key_that_was_named(app_client: AppClient) -> None:
    prover, thief = Prover(), Prover()
    for other in (thief, None):
        code = await app_client.sign_in(new_phone(), dpop_jkt=prover.thumbprint)
        answer = await (redeem(app_client, other, code) if other else app_client.redeem(code))
        assert refusal(answer) == INVALID
    code = await app_client.sign_in(new_phone(), dpop_jkt=prover.thumbprint)
    assert (await redeem(app_client, prover, code)).status_code == 200


async def test_a_key_is_named_by_its_thumbprint(app_client: AppClient) -> None:
    for wrong in ("x", "", "名" * 43, "=" * 43):
        answer = (await app_client.begin(dpop_jkt=wrong)).answer
        assert "error=invalid_request" in answer.headers["location"]


async def test_a_pushed_request_with_a_proof_belongs_to_its_key(app_client: AppClient) -> None:
    prover, phone = Prover(), new_phone()
    answer = await prover.send(app_client.api, "POST", PAR, data=app_client.request())
    page = await code_page(app_client, answer.json()["request_uri"], phone)
    back = await app_client.type_code(page, await app_client.texted_code(phone))
    code = httpx.URL(back.headers["location"]).params["code"]
    assert refusal(await redeem(app_client, Prover(), code)) == INVALID
    two = await prover.send(app_client.api, "POST", PAR, data=app_client.request(dpop_jkt=Prover().thumbprint))
    assert refusal(two) == (400, "invalid_request")


async def test_the_repeat_of_a_redemption_comes_with_the_same_key(app_client: AppClient) -> None:
    prover, thief = Prover(), Prover()
    code = await app_client.sign_in(new_phone())
    first = (await redeem(app_client, prover, code)).json()
    assert (await redeem(app_client, prover, code)).status_code == 200
    assert refusal(await redeem(app_client, thief, code)) == INVALID
    # Who has code and verifier and another key has stolen them: the sign-in is over.
    assert refusal(await refresh(app_client, prover, first["refresh_token"])) == INVALID


async def test_an_app_that_has_to_prove_its_key_gets_nothing_without(app_client: AppClient, database: Database) -> None:
    async with database.transaction() as tx:
        await register_client(tx, "proving-app", scopes=["openid", "offline_access"], redirect_uris=[REDIRECT_URI])
        (await tx.get_one(Client, "proving-app")).dpop_required = True
    code = await app_client.sign_in(new_phone(), client_id="proving-app", scope="openid offline_access")
    app_client.client_id = "proving-app"
    assert refusal(await app_client.redeem(code)) == (400, "invalid_dpop_proof")
    prover = Prover()
    answer = await redeem(app_client, prover, code)
    assert answer.status_code == 200
    assert refusal(await app_client.refresh(answer.json()["refresh_token"])) == (400, "invalid_dpop_proof")


async def test_a_new_app_has_to_prove_its_key_unless_it_is_told(database: Database) -> None:
    name = f"app-{new_id().hex[-12:]}"
    usual: dict[str, Any] = {"client_id": name, "scope": ["openid"], "redirect_uri": [REDIRECT_URI]}
    usual |= {"post_logout_redirect_uri": [], "backchannel_logout_uri": None, "devices": False}
    usual |= {"jwks": None, "pairwise": False}
    for told, required in ((None, True), ("optional", False), (None, False), ("required", True)):
        await apps.register_app(database, Namespace(**usual, dpop=told))
        async with database.read() as tx:
            assert (await tx.get_one(Client, name)).dpop_required == required


async def test_a_company_s_token_is_bound_too(api: httpx.AsyncClient, database: Database, tokens: Tokens) -> None:
    system, prover = ProviderSystem(), Prover()
    async with database.transaction() as tx:
        await system.register(tx)

    def form() -> dict[str, str]:
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": kind,
            "client_assertion": system.assertion(),
        }

    await prover.send(api, "POST", TOKEN, data=form())
    answer = (await prover.send(api, "POST", TOKEN, data=form())).json()
    assert jwt.decode(answer["access_token"], tokens.key, ["ES256"]).claims["cnf"] == {"jkt": prover.thumbprint}
    asked = form() | {"token": answer["access_token"]}
    told = (await api.post(TOKEN.replace("token", "introspect"), data=asked)).json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": prover.thumbprint})


@pytest.mark.parametrize(
    "changes", [{"htm": "GET"}, {"htu": f"{PUBLIC_URL}{PAR}"}, {"htu": f"{PUBLIC_URL}{USERINFO}"}, {"iat": 1}]
)
async def test_a_proof_for_something_else_is_refused(app_client: AppClient, changes: dict[str, Any]) -> None:
    prover = Prover()
    answer = await bound_tokens(app_client, prover)
    form = {"grant_type": "refresh_token", "client_id": APP, "refresh_token": answer["refresh_token"]}
    proof = prover.proof("POST", f"{PUBLIC_URL}{TOKEN}", **changes)
    refused = await app_client.api.post(TOKEN, data=form, headers={"DPoP": proof})
    assert refusal(refused) == (400, "invalid_dpop_proof")
