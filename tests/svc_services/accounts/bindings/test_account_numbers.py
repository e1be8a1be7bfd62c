"""Account numbers as their provider declares them: an 11-digit mobile number, a 16-digit card, leading zeros."""

from uuid import UUID

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import Tokens, once
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import account_number
from svc_services.providers.connections.models import Action
from tests.svc_services.companies import BINDINGS, ProviderSystem, answer_with, approved, attestation
from tests.svc_services.providers.connections.companies import connected

KINDS = sorted(NUMBERINGS)


class Resident:
    """A resident who binds accounts."""

    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self._api, self._tokens = api, tokens
        self.id = new_id()

    async def bind(self, provider_id: UUID, number: str, language: str = "zh") -> httpx.Response:
        body = {
            "provider_id": f"{provider_id}",
            "account_number": number,
            "attestation": attestation(self._tokens, self.id),
        }
        headers = self._tokens.resident(self.id) | once() | {"Accept-Language": language}
        return await self._api.post(BINDINGS, json=body, headers=headers)


@pytest.fixture
def resident(api: httpx.AsyncClient, tokens: Tokens) -> Resident:
    return Resident(api, tokens)


async def provider_of(api: httpx.AsyncClient, tokens: Tokens, system: ProviderSystem, kind: str) -> UUID:
    parameters = NUMBERINGS[kind].customer_parameters
    return await approved(api, tokens, kind=kind, endpoint_url=system.url, customer_parameters=parameters)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_number_of_the_declared_form_is_bound_as_it_is(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, resident: Resident, kind: str
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, kind)
    number = account_number("bindings", 7, kind)
    bound = await resident.bind(provider_id, number)
    assert (bound.status_code, bound.json()["account_number"]) == (201, number)
    assert provider_system.requests[-1].json["account_number"] == number


@pytest.mark.parametrize("kind", KINDS)
async def test_full_width_digits_in_printed_groups_are_the_same_number(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, resident: Resident, kind: str
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, kind)
    number = account_number("bindings", 8, kind)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in number)
    typed = "\u3000".join(wide[at : at + 4] for at in range(0, len(wide), 4))
    assert (await resident.bind(provider_id, f" {typed} ")).json()["account_number"] == number
    again = await resident.bind(provider_id, number)
    assert (again.status_code, again.json()["code"]) == (409, "already_bound")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if NUMBERINGS[kind].check_rule != "none"])
async def test_a_wrong_check_digit_is_refused_before_the_provider_is_called(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, resident: Resident, kind: str
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, kind)
    number = account_number("bindings", 9, kind)
    wrong = await resident.bind(provider_id, number[:-1] + str((int(number[-1]) + 1) % 10))
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["reason"]) == (
        422,
        "bad_account_number",
        "check_digit",
    )
    assert provider_system.requests == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_number_of_another_provider_does_not_fit(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, resident: Resident, kind: str
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, kind)
    other = "telecom" if kind != "telecom" else "water"
    wrong = await resident.bind(provider_id, account_number("bindings", 1, other))
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["reason"]) == (422, "bad_account_number", "shape")


async def test_a_lost_leading_zero_is_seen(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, resident: Resident
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, "electricity")
    number = account_number("bindings", 3, "electricity")
    assert number.startswith("0")
    assert (await resident.bind(provider_id, number.lstrip("0"))).json()["reason"] == "shape"


@pytest.mark.parametrize(("language", "label"), [("zh", "智能卡号"), ("en", "Smart card number")])
async def test_a_refusal_says_what_the_number_looks_like(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_system: ProviderSystem,
    resident: Resident,
    language: str,
    label: str,
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, "cable_tv")
    refused = (await resident.bind(provider_id, "13800138000", language)).json()
    example = NUMBERINGS["cable_tv"].example
    assert all(part in refused["detail"] for part in (label, "16", example))
    assert (refused["label"], refused["pattern"], refused["example"]) == (label, "^8[0-9]{15}$", example)


async def test_a_refused_number_does_not_use_the_attestation_up(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, resident: Resident
) -> None:
    provider_id = await provider_of(api, tokens, provider_system, "telecom")
    token = attestation(tokens, resident.id)
    codes = []
    for number in ("1380013800", "13800138000"):
        body = {"provider_id": f"{provider_id}", "account_number": number, "attestation": token}
        codes.append((await api.post(BINDINGS, json=body, headers=tokens.resident(resident.id) | once())).status_code)
    assert codes == [422, 201]


async def test_a_binding_begun_under_an_earlier_declaration_can_be_finished(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem, resident: Resident
) -> None:
    company = await connected(api, tokens, endpoint_url="http://127.0.0.1:1/platform")
    number = account_number("bindings", 5)
    unknown = await resident.bind(company.id, number)
    assert (unknown.status_code, unknown.json()["code"]) == (502, "provider_unreachable")
    await company.change(api, action=Action.CORRECT_ENDPOINT, endpoint_url=new_system.url)
    new_system.answer = answer_with("match")
    parameters = NUMBERINGS["electricity"].customer_parameters
    await company.change(api, action=Action.DECLARE_CUSTOMER_PARAMETERS, customer_parameters=parameters)
    assert (await resident.bind(company.id, account_number("bindings", 6))).json()["code"] == "bad_account_number"
    assert (await resident.bind(company.id, number)).status_code == 201
