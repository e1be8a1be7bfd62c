"""Whatever a parameter holds, the answer is a refusal and never an error of the service."""

import httpx
import pytest

from tests.svc_identity.app_client import AUTHORIZE, TOKEN, AppClient

ODD = ["é", "code é", "\x7f", "\u2028", "٣", "a" * 5000, "%00", '"', "\\", "\r\nSet-Cookie: a=b", "{}", "[1]", "😀"]
OF_AUTHORIZE = [
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge"),
    *("code_challenge_method", "response_mode", "prompt", "ui_locales", "request", "request_uri", "max_age", "display"),
    *("id_token_hint", "login_hint", "acr_values", "claims", "registration", "resource"),
]
OF_TOKEN = [
    *("grant_type", "client_id", "code", "redirect_uri", "code_verifier", "refresh_token", "scope"),
    *("client_assertion", "client_assertion_type", "client_secret", "token", "token_type_hint"),
]


@pytest.mark.parametrize("name", OF_AUTHORIZE)
async def test_an_authorization_request(app_client: AppClient, name: str) -> None:
    for value in ODD:
        parameters = app_client.request(**{name: value})
        for answer in (
            await app_client.api.get(AUTHORIZE, params=parameters),
            await app_client.api.post(AUTHORIZE, data=parameters),
        ):
            assert answer.status_code in {200, 303, 400}, (value, answer.status_code, answer.text)


@pytest.mark.parametrize("name", OF_TOKEN)
async def test_a_token_request(api: httpx.AsyncClient, name: str) -> None:
    usual = {"grant_type": "authorization_code", "client_id": "myili-app", "redirect_uri": "myili://callback"}
    grants = ("authorization_code", "refresh_token", "client_credentials")
    for value in ODD:
        for path in (TOKEN, "/identity/v1/oauth/revoke"):
            for grant in grants:
                answer = await api.post(path, data={**usual, "grant_type": grant, name: value})
                assert answer.status_code in {200, 400, 401}, (path, grant, value, answer.status_code, answer.text)
