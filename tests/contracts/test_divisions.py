"""What belongs to no division is for roles of the prefecture: operators and auditors of a county get no books."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from chassis.testing import Tokens
from tests.contracts.test_private_answers import serving
from tests.contracts.test_roles import callers_by_operation, headers_of
from tests.contracts.test_scopes import call
from tests.databases import cloned, upgrade_in_thread

OVERSEERS = ("operator", "auditor")


@pytest.mark.parametrize("role", OVERSEERS)
async def test_every_operation_of_the_books_refuses_staff_of_a_county(
    postgres_url: str, tokens: Tokens, role: str, tmp_path: Path
) -> None:
    database = make_url(postgres_url).set(database="template_svc_payments")
    let_in, tried = [], 0
    async with (
        cloned(upgrade_in_thread("svc_payments", database)) as url,
        serving("payments", url, tokens, tmp_path) as api,
    ):
        for (method, template), bearers in sorted(callers_by_operation("payments").items()):
            # A counter has a division; its tills are shown to those who oversee it.
            if role not in {bearer.role for bearer in bearers} or "/till-sessions" in template:
                continue
            headers = headers_of(tokens, {str(bearer.scope) for bearer in bearers}, {"roles": (role,)}, "654002")
            answer = await call(api, method, template, headers)
            tried += 1
            if (answer.status_code, answer.json().get("code")) != (403, "not_your_division"):
                let_in.append((method, template, answer.status_code, answer.text[:200]))
    assert let_in == []
    assert tried > 15
