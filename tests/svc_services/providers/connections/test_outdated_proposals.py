"""A proposal that is older than the last change of the same thing does not undo that change."""

from typing import Any

import httpx
import pytest

from chassis.testing import Tokens
from tests.svc_services.companies import ProviderSystem
from tests.svc_services.providers.connections.companies import connected
from tests.svc_services.providers.connections.test_customer_parameters import WANTED
from tests.svc_services.providers.connections.test_operator_changes import Operators


def endpoint(system: ProviderSystem, name: str) -> dict[str, Any]:
    return {"action": "correct_endpoint", "endpoint_url": f"{system.url}/{name}"}


@pytest.mark.parametrize("name", ["endpoint", "account numbers"])
async def test_a_companys_own_correction_is_not_undone(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem, name: str
) -> None:
    content = WANTED if name != "endpoint" else endpoint(new_system, "old")
    company, operators = await connected(api, tokens), Operators(api, tokens)
    before = await operators.propose(company, **content)
    assert (before.status_code, before.json()["status"]) == (201, "proposed")
    own = WANTED if name != "endpoint" else endpoint(new_system, "new")
    assert (await company.change(api, **own)).status_code == 201
    connection = (await api.get(f"{company.path}/connection", headers=operators.first)).json()
    outdated = await operators.approve(before)
    assert (outdated.status_code, outdated.json()["code"]) == (409, "proposal_outdated")
    assert (await api.get(f"{company.path}/connection", headers=operators.first)).json() == connection
    assert (await operators.decide(before, "reject", operators.second)).json()["status"] == "rejected"
    assert (await operators.approve(await operators.propose(company, **content))).status_code == 200


async def test_of_two_proposals_the_later_one_holds(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem
) -> None:
    company, operators = await connected(api, tokens), Operators(api, tokens)
    first = await operators.propose(company, **endpoint(new_system, "old"))
    second = await operators.propose(company, **endpoint(new_system, "new"))
    assert (await operators.approve(second)).status_code == 200
    assert (await operators.approve(first)).json()["code"] == "proposal_outdated"


async def test_a_change_of_another_kind_does_not_stand_in_the_way(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem
) -> None:
    company, operators = await connected(api, tokens), Operators(api, tokens)
    proposed = await operators.propose(company, **endpoint(new_system, "old"))
    assert (await company.change(api, **WANTED)).status_code == 201
    assert (await operators.approve(proposed)).status_code == 200
