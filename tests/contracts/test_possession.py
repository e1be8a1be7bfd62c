"""A token that is bound to a key opens no operation of any service without a fresh proof of that key (RFC 9449)."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from chassis.testing import Tokens, once
from contracts.documents import SERVICES
from tests.contracts.test_private_answers import LOOPBACK_URL, serving, url_of
from tests.contracts.test_scopes import EVERY_SCOPE, bearers_of, call, token_of
from tests.databases import cloned, upgrade_in_thread
from tests.kit.dpop.prover import Prover

UNPROVED = {"token_wrongly_presented", "proof_refused", "proof_nonce_wanted"}


def token_in(headers: dict[str, str]) -> str:
    return headers["Authorization"].partition(" ")[2]


async def refusal(api: httpx.AsyncClient, method: str, template: str, headers: dict[str, str]) -> str:
    """The code of a refusal; that of an answer without a body stands in its challenge only."""
    answer = await call(api, method, template, headers)
    assert answer.status_code == 401, f"{method} {template}"
    assert answer.headers["www-authenticate"].startswith("DPoP "), f"{method} {template}"
    return str(answer.json()["code"]) if answer.content else ""


@pytest.mark.parametrize("service", SERVICES)
async def test_every_operation_of_a_bound_token_asks_for_the_proof(
    postgres_url: str, tokens: Tokens, service: str, tmp_path: Path
) -> None:
    database = make_url(postgres_url).set(database=f"template_svc_{service}")
    async with (
        cloned(upgrade_in_thread(f"svc_{service}", database)) as url,
        serving(service, url, tokens, tmp_path) as api,
    ):
        prover = Prover(origin=LOOPBACK_URL)
        for method, template, bearer in bearers_of(service):
            bound = token_of(tokens, bearer.kind, EVERY_SCOPE, cnf={"jkt": prover.thumbprint})
            plain = token_of(tokens, bearer.kind, EVERY_SCOPE)
            by_dpop = bound | {"Authorization": f"DPoP {token_in(bound)}"}
            wrongly = plain | {"Authorization": f"DPoP {token_in(plain)}"}
            assert await refusal(api, method, template, bound) in {"token_wrongly_presented", ""}
            assert await refusal(api, method, template, wrongly) in {"token_wrongly_presented", ""}
            assert await refusal(api, method, template, by_dpop) in {"proof_refused", ""}
            body: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
            headers = {"Accept-Language": "en"} | once()
            let_in = await prover.send(api, method, url_of(template), token=token_in(bound), json=body, headers=headers)
            code = let_in.json().get("code") if let_in.status_code == 401 else None
            assert code not in UNPROVED, f"{method} {template}"
