"""Authlib's clients against the platform behind its gateway, with their defaults but for client assertions.

They have neither PAR nor DPoP.
"""

import secrets
import time
import warnings
from typing import Any

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from chassis.db import Database
from tests.clients.platform import Platform
from tests.svc_identity.oauth.providers import ProviderSystem

with warnings.catch_warnings():  # it prefers a successor of httpx, which is no part of the platform
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

REDIRECT_URI = "http://127.0.0.1:49152/callback"


async def discovered(platform: Platform, browser: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await browser.get(f"{platform.issuer}/.well-known/openid-configuration")).json())


async def test_an_app_signs_its_resident_in(platform: Platform, browser: httpx.AsyncClient) -> None:
    metadata = await discovered(platform, browser)
    scope, nonce, verifier = "openid profile phone offline_access", secrets.token_urlsafe(), secrets.token_urlsafe(48)
    async with AsyncOAuth2Client(
        "myili-app",
        scope=scope,
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint_auth_method="none",  # noqa: S106 - a method
    ) as client:
        client.metadata |= metadata
        address, state = client.create_authorization_url(
            metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier
        )
        back = await platform.sign_in(browser, address)
        token = await client.fetch_token(
            metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
        )
        await check_id_token(browser, metadata, token, nonce)
        info = (await client.get(metadata["userinfo_endpoint"])).json()
        assert info["phone_number_verified"] is True
        assert (await client.get(f"{platform.url}/identity/v1/me")).status_code == 200
        renewed = await client.refresh_token(metadata["token_endpoint"])
        assert renewed["refresh_token"] != token["refresh_token"]
        revoked = await client.revoke_token(metadata["revocation_endpoint"], renewed["refresh_token"])
        assert revoked.status_code == 200
    asked = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": "http://127.0.0.1:49152/signed-out"}
    assert (await browser.get(metadata["end_session_endpoint"], params=asked)).status_code == 200


async def check_id_token(
    browser: httpx.AsyncClient, metadata: dict[str, Any], token: dict[str, Any], nonce: str
) -> None:
    keys = KeySet.import_key_set((await browser.get(metadata["jwks_uri"])).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    expected = {"iss": {"value": metadata["issuer"]}, "aud": {"value": "myili-app"}}
    params = {"nonce": nonce, "client_id": "myili-app", "access_token": token["access_token"]}
    CodeIDToken(decoded.claims, decoded.header, expected, params).validate(leeway=10)


def proof_of(system: ProviderSystem, issuer: str) -> PrivateKeyJWT:
    """A proof for one request: one that is told its claims keeps its `jti`.

    Untold, it would be for the token endpoint and good for an hour: docs/decisions/0104.
    """
    claims, header = {"exp": int(time.time()) + 120}, {"kid": system.key.kid}
    return PrivateKeyJWT(issuer, alg="ES256", claims=claims, headers=header)


async def test_a_company_s_system_gets_its_tokens(
    platform: Platform, browser: httpx.AsyncClient, database: Database
) -> None:
    metadata, system = await discovered(platform, browser), ProviderSystem()
    async with database.transaction() as tx:
        await system.register(tx)
    async with AsyncOAuth2Client(
        system.provider_id, system.key, token_endpoint_auth_method=PrivateKeyJWT.name, scope="bills:write"
    ) as client:
        client.register_client_auth_method(proof_of(system, metadata["issuer"]))
        token = await client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert token["scope"] == "bills:write"
        client.register_client_auth_method(proof_of(system, metadata["issuer"]))
        seen = await client.introspect_token(metadata["introspection_endpoint"], token["access_token"])
        assert seen.json()["active"] is True
