"""Attestations that carry a name to another service."""

import time

from joserfc import jwt

from chassis.testing import Tokens, once
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL
from tests.svc_identity.identities import NAME, proof

ATTESTATIONS = "/identity/v1/me/attestations"
BINDING = {"purpose": "account_binding"}


async def proved(app_client: AppClient, phone: str) -> dict[str, str]:
    """The headers of a person at level 2."""
    first = await app_client.tokens(phone)
    await app_client.api.post("/identity/v1/me/proofing", json=proof(), headers=bearer(first) | once())
    return bearer((await app_client.refresh(first["refresh_token"])).json())


async def test_an_attestation_states_the_proofed_name_for_five_minutes(
    app_client: AppClient, tokens: Tokens, phone: str
) -> None:
    headers = await proved(app_client, phone)
    answer = await app_client.api.post(ATTESTATIONS, json=BINDING, headers=headers | once())
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 300)
    assert answer.headers["cache-control"] == "no-store"
    statement = jwt.decode(answer.json()["attestation"], tokens.key, ["ES256"])
    assert statement.header["typ"] == "attestation+jwt"
    me = jwt.decode(headers["Authorization"].removeprefix("Bearer "), tokens.key, ["ES256"]).claims["sub"]
    claims = statement.claims
    assert claims.keys() == {"iss", "iat", "exp", "jti", "aud", "sub", "name", "purpose"}
    assert (claims["iss"], claims["aud"]) == (f"{PUBLIC_URL}/identity", "myili:services")
    assert (claims["sub"], claims["name"]) == (me, NAME)
    assert claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - time.time()) < 10


async def test_a_retry_gets_the_same_attestation_and_a_new_request_another(app_client: AppClient, phone: str) -> None:
    headers = await proved(app_client, phone)
    keys = once(), once()
    first, again, other = [
        await app_client.api.post(ATTESTATIONS, json=BINDING, headers=headers | key) for key in (keys[0], *keys)
    ]
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.json()["attestation"] != first.json()["attestation"]


async def test_an_attestation_is_no_access_token(app_client: AppClient, phone: str) -> None:
    headers = await proved(app_client, phone)
    statement = (await app_client.api.post(ATTESTATIONS, json=BINDING, headers=headers | once())).json()["attestation"]
    answer = await app_client.api.get("/identity/v1/me", headers=bearer({"access_token": statement}))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_a_person_without_proofing_gets_none(app_client: AppClient, phone: str) -> None:
    headers = bearer(await app_client.tokens(phone))
    answer = await app_client.api.post(ATTESTATIONS, json=BINDING, headers=headers | once())
    assert (answer.status_code, answer.json()["code"]) == (403, "assurance_too_low")


async def test_an_unknown_purpose_is_refused(app_client: AppClient, phone: str) -> None:
    headers = await proved(app_client, phone)
    answer = await app_client.api.post(ATTESTATIONS, json={"purpose": "curiosity"}, headers=headers | once())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_idempotency_key_is_required(app_client: AppClient, phone: str) -> None:
    answer = await app_client.api.post(ATTESTATIONS, json=BINDING, headers=await proved(app_client, phone))
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
