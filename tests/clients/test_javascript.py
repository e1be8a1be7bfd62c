"""openid-client 6 and 5 and oauth4webapi, each with its defaults, against the platform behind its gateway."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import KeySet

from chassis.db import Database, new_id
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client, set_logout_addresses
from tests.clients.platform import Platform
from tests.svc_identity.oauth.providers import ProviderSystem, new_key

APP_STEPS = ["discovery", "par", "code", "userinfo", "refresh", "resource", "revocation"]
SYSTEM_STEPS = ["discovery", "client_credentials", "introspection"]


async def converse(
    script: Path, told: Mapping[str, object], platform: Platform, browser: httpx.AsyncClient
) -> dict[str, Any]:
    """Run a client until it is done; where it wants its resident to sign in, that happens."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "node", script, cwd=script.parent, stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    answer: object = told
    try:
        while True:
            process.stdin.write(json.dumps(answer).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()
            said: dict[str, Any] = json.loads(line)
            if "authorize" not in said:
                return said
            answer = await platform.sign_in(browser, said["authorize"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def about_app(platform: Platform, algorithm: str) -> dict[str, str]:
    return {
        "issuer": platform.issuer,
        "app": "myili-app",
        "redirectUri": "http://127.0.0.1:49152/callback",
        "signedOutUri": "http://127.0.0.1:49152/signed-out",
        "scope": "openid profile phone offline_access",
        "resource": f"{platform.url}/identity/v1/me",
        "algorithm": algorithm,
    }


@pytest.mark.parametrize(
    ("script", "algorithm"),
    [
        ("openid_client_6_app", "ES256"),
        ("openid_client_6_app", "PS256"),
        ("openid_client_6_app", "Ed25519"),
        ("openid_client_5_app", "ES256"),
        ("openid_client_5_app", "EdDSA"),
        ("oauth4webapi_app", "ES256"),
        ("oauth4webapi_app", "Ed25519"),
    ],
)
async def test_an_app_signs_its_resident_in(
    scripts: Path, platform: Platform, browser: httpx.AsyncClient, script: str, algorithm: str
) -> None:
    said = await converse(scripts / f"{script}.mjs", about_app(platform, algorithm), platform, browser)
    logout = ["logout"] if "openid" in script else []
    assert said["done"] == APP_STEPS + logout


@pytest.mark.parametrize(
    ("script", "kind", "algorithm"),
    [
        ("openid_client_6_app", "EC", "ES256"),
        ("openid_client_6_app", "RSA", "PS256"),
        ("oauth4webapi_app", "OKP", "Ed25519"),
    ],
)
async def test_an_app_with_a_server_proves_itself_and_signs_its_people_in(
    scripts: Path,
    platform: Platform,
    browser: httpx.AsyncClient,
    database: Database,
    script: str,
    kind: str,
    algorithm: str,
) -> None:
    key, name = new_key(kind), f"web-{new_id().hex[-12:]}"
    about = {**about_app(platform, "ES256"), "app": name, "redirectUri": "https://web.test/back"}
    about["signedOutUri"] = "https://web.test/signed-out"
    about["resource"] = f"{platform.url}/identity/v1/oauth/userinfo"  # all else there is for the platform's own apps
    scopes = about["scope"].split()
    keys = dict(KeySet([key]).as_dict(private=False))
    async with database.transaction() as tx:
        await register_client(tx, name, scopes=scopes, redirect_uris=[about["redirectUri"]], jwks=keys)
        await set_logout_addresses(tx, name, redirect_uris=[about["signedOutUri"]])
        (await tx.get_one(Client, name)).dpop_required = True
    signing = {"key": key.as_dict(private=True), "algorithm": algorithm, "kid": key.kid}
    said = await converse(scripts / f"{script}.mjs", {**about, "signing": signing}, platform, browser)
    logout = ["logout"] if "openid" in script else []
    assert said["done"] == APP_STEPS + logout


async def test_a_screen_is_signed_in(
    scripts: Path, platform: Platform, browser: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        await register_client(tx, "hall-screen", scopes=["openid"], redirect_uris=["myili://callback"])
        (await tx.get_one(Client, "hall-screen")).device_grant = True
    told = {"issuer": platform.issuer, "screen": "hall-screen"}
    said = await converse(scripts / "openid_client_6_screen.mjs", told, platform, browser)
    assert said["done"] == ["discovery", "codes", "tokens", "userinfo"]


@pytest.mark.parametrize(
    ("script", "kind", "algorithm"),
    [
        ("openid_client_6_system", "EC", "ES256"),
        ("openid_client_6_system", "RSA", "PS256"),
        ("openid_client_6_system", "OKP", "Ed25519"),
        ("openid_client_5_system", "EC", "ES256"),
        ("openid_client_5_system", "OKP", "EdDSA"),
        ("oauth4webapi_system", "EC", "ES256"),
        ("oauth4webapi_system", "RSA", "PS256"),
    ],
)
async def test_a_company_s_system_gets_its_tokens(
    scripts: Path,
    platform: Platform,
    browser: httpx.AsyncClient,
    database: Database,
    script: str,
    kind: str,
    algorithm: str,
) -> None:
    system = ProviderSystem(new_key(kind), algorithm)
    async with database.transaction() as tx:
        await system.register(tx)
    signing = {"key": system.key.as_dict(private=True), "algorithm": algorithm, "kid": system.key.kid}
    told = {"issuer": platform.issuer, "system": system.provider_id, "signing": signing}
    said = await converse(scripts / f"{script}.mjs", told, platform, browser)
    assert said["done"] == SYSTEM_STEPS
