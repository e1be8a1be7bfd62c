"""Organisations, and the roles of their members."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from svc_identity.fields import normalise_uscc
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone, proofed
from tests.svc_identity.identities import new_uscc, wrong_check
from tests.svc_identity.organisations.role_changes.requests import decide, granted, propose_grant

ORGANISATIONS = "/identity/v1/organisations"


def new_organisation(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {"uscc": new_uscc(), "name": "Sample County Team", "kind": "county_team", "division_code": "654023"}
    return usual | changes


async def create(api: httpx.AsyncClient, operator: dict[str, str], **changes: Any) -> httpx.Response:  # noqa: ANN401
    return await api.post(ORGANISATIONS, json=new_organisation(**changes), headers=operator | once())


async def add(
    api: httpx.AsyncClient, operator: dict[str, str], organisation_id: str, phone: str, role: str
) -> httpx.Response:
    address = f"{ORGANISATIONS}/{organisation_id}/members"
    return await api.post(address, json={"phone": phone, "role": role}, headers=operator | once())


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def memberships(app_client: AppClient, tokens: Tokens, answer: dict[str, Any]) -> list[dict[str, Any]]:
    claims = jwt.decode(answer["access_token"], tokens.key, ["ES256"]).claims
    found: list[dict[str, Any]] = claims["memberships"]
    return found


async def test_an_operator_registers_an_organisation(
    api: httpx.AsyncClient, operator: dict[str, str], database: Database
) -> None:
    answer = await create(api, operator)
    assert answer.status_code == 201
    organisation = answer.json()
    assert (organisation["kind"], organisation["division_code"]) == ("county_team", "654023")
    shown = await api.get(f"{ORGANISATIONS}/{organisation['organisation_id']}", headers=operator)
    assert shown.json() == organisation
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if event.key == organisation["organisation_id"]]
    assert [(event.type, event.data) for event in events] == [
        (
            "cn.ili.identity.organisation.registered.v1",
            {
                "organisation_id": organisation["organisation_id"],
                "kind": "county_team",
                "division_code": "654023",
            },
        )
    ]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"division_code": "650100"}, 422, "unknown_division"),
        ({"division_code": "999999"}, 422, "unknown_division"),
        ({"division_code": "65402"}, 422, "invalid_request"),
        ({"division_code": "６５４００２"}, 422, "invalid_request"),
        ({"uscc": new_uscc("0000")}, 422, "legal_entity_not_active"),
        ({"uscc": new_uscc("9999")}, 422, "legal_entity_not_active"),
        ({"uscc": wrong_check(new_uscc())}, 422, "invalid_request"),
        ({"uscc": "91654002MA"}, 422, "invalid_request"),
        ({"uscc": None}, 422, "invalid_request"),
        ({"kind": "provider"}, 422, "invalid_request"),
        ({"name": ""}, 422, "invalid_request"),
        ({"name": "a\u0000b"}, 422, "invalid_request"),
        ({"name": "长" * 101}, 422, "invalid_request"),
    ],
)
async def test_an_organisation_unknown_to_the_registry_is_not_registered(
    api: httpx.AsyncClient, operator: dict[str, str], changes: dict[str, Any], status: int, code: str
) -> None:
    assert refusal(await create(api, operator, **changes)) == (status, code)


async def test_a_uscc_is_registered_once(api: httpx.AsyncClient, operator: dict[str, str]) -> None:
    uscc = new_uscc()
    answers = await asyncio.gather(*(create(api, operator, uscc=uscc) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert refusal(await create(api, operator, uscc=uscc.lower())) == (409, "organisation_exists")


async def test_nothing_is_registered_while_the_registry_is_unavailable(
    api: httpx.AsyncClient, operator: dict[str, str], faults: Callable[..., None]
) -> None:
    uscc = new_uscc()
    faults("registries", unavailable=1)
    assert refusal(await create(api, operator, uscc=uscc)) == (503, "registry_unavailable")
    assert (await create(api, operator, uscc=uscc)).status_code == 201


async def test_a_retry_with_the_same_key_registers_once(api: httpx.AsyncClient, operator: dict[str, str]) -> None:
    headers, body = operator | once(), new_organisation()
    first = await api.post(ORGANISATIONS, json=body, headers=headers)
    again = await api.post(ORGANISATIONS, json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_membership_is_in_tokens_until_it_is_removed(
    api: httpx.AsyncClient, operator: dict[str, str], new_app_client: NewAppClient, tokens: Tokens, phone: str
) -> None:
    app_client = new_app_client(STAFF_CONSOLE)
    organisation_id = (await create(api, operator)).json()["organisation_id"]
    signed_in = await app_client.tokens(phone)
    assert await memberships(app_client, tokens, signed_in) == []
    member = (await add(api, operator, organisation_id, phone, "county_team")).json()
    refreshed = (await app_client.refresh(signed_in["refresh_token"])).json()
    expected = {"organisation_id": organisation_id, "role": "county_team", "division_code": "654023"}
    assert await memberships(app_client, tokens, refreshed) == [expected]
    address = f"{ORGANISATIONS}/{organisation_id}/members/{member['membership_id']}"
    assert (await api.delete(address, headers=operator)).status_code == 204
    assert refusal(await api.delete(address, headers=operator)) == (404, "not_found")
    refreshed = (await app_client.refresh(refreshed["refresh_token"])).json()
    assert await memberships(app_client, tokens, refreshed) == []
    assert (await add(api, operator, organisation_id, phone, "county_team")).status_code == 201


async def test_a_new_person_is_registered_with_the_role(
    api: httpx.AsyncClient, operator: dict[str, str], new_app_client: NewAppClient, tokens: Tokens, phone: str
) -> None:
    app_client = new_app_client(STAFF_CONSOLE)
    organisation_id = (await create(api, operator)).json()["organisation_id"]
    member = await add(api, operator, organisation_id, phone, "county_team")
    assert member.status_code == 201
    assert phone not in member.text
    assert member.json()["phone"] == f"{phone[:3]}****{phone[-4:]}"
    signed_in = await app_client.tokens(phone)
    (membership,) = await memberships(app_client, tokens, signed_in)
    assert membership["role"] == "county_team"
    me = await app_client.api.get("/identity/v1/me", headers=bearer(signed_in))
    assert me.json()["person_id"] == member.json()["person_id"]


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("platform", {"operator", "auditor", "security_officer"}),
        ("county_team", {"county_team", "clerk", "till_supervisor"}),
        ("review_body", {"reviewer", "auditor"}),
    ],
)
async def test_only_roles_that_fit_the_organisation_are_given(
    api: httpx.AsyncClient, operator: dict[str, str], kind: str, fitting: set[str]
) -> None:
    organisation_id = (await create(api, operator, kind=kind)).json()["organisation_id"]
    given = set()
    for role in ("operator", "auditor", "reviewer", "county_team"):
        answer = await add(api, operator, organisation_id, new_phone(), role)
        if answer.status_code == 201 or answer.json()["code"] == "role_needs_two_persons":
            given.add(role)
        else:
            assert refusal(answer) == (422, "role_does_not_fit")
            assert answer.json()["detail"].endswith(f"{'、'.join(sorted(fitting))}。")
    assert given == fitting & {"operator", "auditor", "reviewer", "county_team"}


async def test_counter_staff_of_a_county_is_separate_from_other_members(
    api: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    role = "clerk"
    organisation_id = (await create(api, operator)).json()["organisation_id"]
    staff = f"/identity/v1/organisations/{organisation_id}/counter-staff"
    added = await api.post(staff, json={"phone": new_phone(), "role": role}, headers=operator | once())
    assert (added.status_code, added.json()["role"]) == (201, role), added.text
    assert (await api.get(staff, headers=operator)).json()["items"] == [added.json()]
    members = f"/identity/v1/organisations/{organisation_id}/members"
    assert (await api.get(members, headers=operator)).json()["items"] == []
    gone = await api.delete(f"{members}/{added.json()['membership_id']}", headers=operator)
    assert gone.status_code == 204
    assert (await api.get(staff, headers=operator)).json()["items"] == []


async def test_a_review_body_has_no_counter(api: httpx.AsyncClient, operator: dict[str, str]) -> None:
    organisation_id = (await create(api, operator, kind="review_body")).json()["organisation_id"]
    answer = await api.post(
        f"/identity/v1/organisations/{organisation_id}/counter-staff",
        json={"phone": new_phone(), "role": "clerk"},
        headers=operator | once(),
    )
    assert refusal(answer) == (422, "role_does_not_fit")


async def test_a_role_is_given_once(api: httpx.AsyncClient, operator: dict[str, str], phone: str) -> None:
    organisation_id = (await create(api, operator)).json()["organisation_id"]
    answers = await asyncio.gather(*(add(api, operator, organisation_id, phone, "county_team") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_members_are_paged_and_masked(api: httpx.AsyncClient, operator: dict[str, str]) -> None:
    organisation_id = (await create(api, operator)).json()["organisation_id"]
    phones = [new_phone() for _ in range(3)]
    for phone in phones:
        await add(api, operator, organisation_id, phone, "county_team")
    address = f"{ORGANISATIONS}/{organisation_id}/members"
    first = (await api.get(address, params={"limit": 2}, headers=operator)).json()
    second = (await api.get(address, params={"limit": 2, "cursor": first["next_cursor"]}, headers=operator)).json()
    listed = [member["phone"] for member in first["items"] + second["items"]]
    assert listed == [f"{phone[:3]}****{phone[-4:]}" for phone in phones]
    assert second["next_cursor"] is None


async def test_organisations_are_listed(api: httpx.AsyncClient, operator: dict[str, str]) -> None:
    created = (await create(api, operator)).json()
    page = (await api.get(ORGANISATIONS, params={"limit": 200}, headers=operator)).json()
    assert created in page["items"]


async def test_unknown_organisations_are_not_found(
    api: httpx.AsyncClient, operator: dict[str, str], phone: str
) -> None:
    nowhere = str(new_id())
    assert refusal(await api.get(f"{ORGANISATIONS}/{nowhere}", headers=operator)) == (404, "not_found")
    assert refusal(await api.get(f"{ORGANISATIONS}/{nowhere}/members", headers=operator)) == (404, "not_found")
    assert refusal(await add(api, operator, nowhere, phone, "county_team")) == (404, "not_found")


async def test_a_membership_is_ended_in_its_own_organisation_only(
    api: httpx.AsyncClient, operator: dict[str, str], phone: str
) -> None:
    own, other = [(await create(api, operator)).json()["organisation_id"] for _ in range(2)]
    member = (await add(api, operator, own, phone, "county_team")).json()["membership_id"]
    assert refusal(await api.delete(f"{ORGANISATIONS}/{other}/members/{member}", headers=operator)) == (
        404,
        "not_found",
    )


@pytest.mark.parametrize("role", [None, "auditor", "reviewer", "county_team"])
async def test_only_operators_manage_organisations(
    api: httpx.AsyncClient,
    operator: dict[str, str],
    second_operator: dict[str, str],
    new_app_client: NewAppClient,
    role: str | None,
) -> None:
    phone, caller = new_phone(), new_app_client()
    headers = await proofed(caller, phone)
    organisation_id = (await create(api, operator, kind="county_team")).json()["organisation_id"]
    if role:
        kind = {"auditor": "platform", "reviewer": "review_body"}.get(role, "county_team")
        workplace = (await create(api, operator, kind=kind)).json()["organisation_id"]
        await granted(api, (operator, second_operator), workplace, phone, role)
        headers = bearer(await caller.renewed())
    members = f"{ORGANISATIONS}/{organisation_id}/members"
    answers = [
        await create(api, headers),
        await add(api, headers, organisation_id, new_phone(), "county_team"),
        await api.get(ORGANISATIONS, headers=headers),
        await api.get(f"{ORGANISATIONS}/{organisation_id}", headers=headers),
        await api.get(members, headers=headers),
        await api.delete(f"{members}/{new_id()}", headers=headers),
        await propose_grant(api, headers, organisation_id, new_phone(), "county_team"),
        await decide(api, headers, str(new_id()), "approve"),
        await decide(api, headers, str(new_id()), "reject"),
    ]
    assert {refusal(answer) for answer in answers} == {(403, "not_allowed")}


@pytest.mark.parametrize(
    ("code", "because"),
    [
        ("", "18"),
        ("91654002MA000000I" + "0", "18"),
        ("91654002MA00000000000", "18"),
        ("９１654002MA0000000", "18"),
        (wrong_check(new_uscc()), "check character"),
    ],
    ids=["empty", "too short", "too long", "full width", "check character"],
)
def test_an_invalid_uscc_is_refused_with_its_reason(code: str, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        normalise_uscc(code)


def test_a_published_example_of_a_uscc_is_accepted() -> None:
    assert normalise_uscc(" 91110000600037341l ") == "91110000600037341L"  # the example of python-stdnum
