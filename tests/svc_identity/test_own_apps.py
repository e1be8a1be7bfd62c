"""What people allow to other apps reaches nothing of their account but a name and a phone."""

from pathlib import Path

from sqlalchemy import make_url

from chassis.testing import Tokens
from tests.contracts.test_private_answers import serving
from tests.contracts.test_scopes import EVERY_SCOPE, bearers_of, call, token_of
from tests.databases import cloned, upgrade_in_thread

USERINFO = "/identity/v1/oauth/userinfo"


async def test_every_operation_on_ones_account_refuses_other_apps(
    postgres_url: str, tokens: Tokens, tmp_path: Path
) -> None:
    database = make_url(postgres_url).set(database="template_svc_identity")
    tried = []
    async with (
        cloned(upgrade_in_thread("svc_identity", database)) as url,
        serving("identity", url, tokens, tmp_path) as api,
    ):
        for method, template, bearer in bearers_of("identity"):
            if bearer.scope == "staff" or template == USERINFO:  # no other app is given the scope of staff
                continue
            answer = await call(api, method, template, token_of(tokens, bearer.kind, EVERY_SCOPE - {"staff"}))
            assert (answer.status_code, answer.json().get("code")) == (403, "own_apps_only"), f"{method} {template}"
            tried.append(template)
    assert len(tried) > 20
