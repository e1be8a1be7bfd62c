"""Roles act only after a sign-in with a second factor: every operation of a role asks for it as RFC 9470 says."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from chassis.auth import TWO_FACTORS
from chassis.db import new_id
from chassis.testing import Tokens
from contracts.documents import SERVICES
from tests.contracts.test_private_answers import LOOPBACK_URL, ROLES, serving
from tests.contracts.test_scopes import bearers_of, call
from tests.databases import cloned, upgrade_in_thread

CHALLENGE = f'Bearer realm="myili", error="insufficient_user_authentication", acr_values="{" ".join(TWO_FACTORS)}"'


def by_text_message_alone(tokens: Tokens, scope: str, acr: str | None) -> dict[str, str]:
    """The headers of somebody with every role who has signed in with a texted code."""
    belongs = {"organisation_id": str(new_id()), "division_code": "654002"}
    memberships = [{**belongs, "role": role} for role in ROLES]
    token = tokens.sign(
        iss=f"{LOOPBACK_URL}/identity", scope=scope, assurance_level=3, memberships=memberships, acr=acr
    )
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


@pytest.mark.parametrize("service", SERVICES)
async def test_every_operation_of_a_role_asks_for_the_second_factor(
    postgres_url: str, tokens: Tokens, service: str, tmp_path: Path
) -> None:
    database = make_url(postgres_url).set(database=f"template_svc_{service}")
    of_roles = [each for each in bearers_of(service) if each[2].role]
    assert of_roles
    async with (
        cloned(upgrade_in_thread(f"svc_{service}", database)) as url,
        serving(service, url, tokens, tmp_path) as api,
    ):
        for method, template, bearer in of_roles:
            for acr in ("urn:myili:sign-in:one-factor", "urn:myili:assurance:2", None):
                headers = by_text_message_alone(tokens, str(bearer.scope), acr)
                answer = await call(api, method, template, headers)
                at = f"{method} {template} as {bearer} with {acr}"
                assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, CHALLENGE), at
                if method != "HEAD":  # which has no body
                    assert answer.json()["code"] == "second_factor_needed", at
