"""The discovery document is accurate."""

from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from chassis.testing import Tokens
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL, browser_on, running

DISCOVERY = "/identity/.well-known/openid-configuration"


async def test_the_document_is_well_formed_and_names_its_issuer(api: httpx.AsyncClient) -> None:
    metadata = (await api.get(DISCOVERY)).json()
    assert metadata["issuer"] == f"{PUBLIC_URL}/identity"
    AuthorizationServerMetadata(metadata).validate()
    # OpenID Connect Discovery requires RS256 for ID tokens; we sign with ES256 and name only that.
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]


async def test_clients_of_oauth_find_the_same_document(api: httpx.AsyncClient) -> None:
    issuer = (await api.get(DISCOVERY)).json()["issuer"]
    # RFC 8414, section 3.1: the well-known name stands between the host and the path of the issuer.
    found = await api.get(get_well_known_url(issuer, external=True))
    assert (found.status_code, found.json()) == (200, (await api.get(DISCOVERY)).json())


async def test_every_endpoint_it_names_is_served(api: httpx.AsyncClient) -> None:
    metadata = (await api.get(DISCOVERY)).json()
    addresses = {name: value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(addresses) == 9
    for name, address in addresses.items():
        assert address.startswith(f"{PUBLIC_URL}/identity/")
        read = {"authorization_endpoint", "userinfo_endpoint", "jwks_uri"}
        method = "GET" if name in read else "POST"
        answer = await api.request(method, urlsplit(address).path)
        assert answer.status_code not in {404, 405, 500}, name


async def test_response_types_it_does_not_name_are_refused(app_client: AppClient) -> None:
    metadata = (await app_client.api.get(DISCOVERY)).json()
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    for response_type in ("token", "id_token", "code token"):
        answer = (await app_client.begin(response_type=response_type)).answer
        assert "unsupported_response_type" in answer.headers["location"]


async def test_every_language_it_names_has_a_page(app_client: AppClient) -> None:
    metadata = (await app_client.api.get(DISCOVERY)).json()
    assert set(metadata["ui_locales_supported"]) == {"zh", "en", "kk-Arab", "ug"}
    for tag in metadata["ui_locales_supported"]:
        assert (await app_client.begin(ui_locales=tag)).root["lang"] == tag


async def test_the_published_key_verifies_and_is_public(app_client: AppClient, phone: str) -> None:
    published = (await app_client.api.get("/identity/v1/oauth/jwks")).json()
    (key,) = published["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    access_token = (await app_client.tokens(phone))["access_token"]
    jwt.decode(access_token, KeySet.import_key_set(published), algorithms=["ES256"])


async def test_a_retiring_key_stays_published_and_the_new_one_signs(settings: Settings, tokens: Tokens) -> None:
    new = ECKey.generate_key("P-256", auto_kid=True)
    both = new.as_pem(private=True).decode() + tokens.key.as_pem(private=True).decode()
    async with running(settings, token_signing_key=both) as app, browser_on(app) as api:
        published = (await api.get("/identity/v1/oauth/jwks")).json()
        issuer = app.state.issuer
    assert {key["kid"] for key in published["keys"]} == {new.kid, tokens.key.kid}
    token = issuer.signer.sign("at+jwt", 60, sub="x")
    assert jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES256"]).header["kid"] == new.kid


async def test_userinfo_refuses_other_tokens(api: httpx.AsyncClient) -> None:
    for headers in ({}, bearer({"access_token": "x"})):
        answer = await api.get("/identity/v1/oauth/userinfo", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
