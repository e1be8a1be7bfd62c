"""Roles are granted and removed by two operators, of whom neither made the other."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from chassis.db import new_id, now
from chassis.testing import Tokens, emitted, once
from svc_identity.memberships import main
from svc_identity.organisations.role_changes import service
from svc_identity.organisations.role_changes.models import RoleChange, Status
from svc_identity.settings import Settings
from tests.svc_identity.app_client import STAFF_CONSOLE, bearer
from tests.svc_identity.conftest import NewAppClient, new_operator, new_phone, proofed
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import (
    ROLE_CHANGES,
    Headers,
    decide,
    granted,
    propose_grant,
    propose_removal,
)
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, add, create, refusal


async def roles_in(tokens: Tokens, answer: dict[str, Any]) -> list[str]:
    claims = jwt.decode(answer["access_token"], tokens.key, ["ES256"]).claims
    return [membership["role"] for membership in claims["memberships"]]


@pytest.mark.parametrize("role", ["operator", "auditor"])
async def test_one_operator_cannot_make_a_second_one(platform: Platform, role: str) -> None:
    answer = await add(platform.api, platform.first, platform.id, new_phone(), role)
    assert refusal(answer) == (403, "role_needs_two_persons")
    assert "/identity/v1/role-changes" in answer.json()["detail"]
    _, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, role)).json()
    own = await decide(platform.api, platform.first, proposed["role_change_id"], "approve")
    assert refusal(own) == (403, "second_person_needed")


async def test_two_operators_make_a_third_whose_next_token_carries_the_role(platform: Platform, tokens: Tokens) -> None:
    client, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "operator")).json()
    assert (proposed["status"], proposed["decided_by"], proposed["membership_id"]) == ("proposed", None, None)
    assert (proposed["phone"], proposed["name"]) == (f"{phone[:3]}****{phone[-4:]}", "张*")
    assert await roles_in(tokens, await client.renewed()) == []
    waiting = await platform.api.get(ROLE_CHANGES, params={"status": "proposed"}, headers=platform.second)
    assert [change["role_change_id"] for change in waiting.json()["items"]] == [proposed["role_change_id"]]
    approved = (await decide(platform.api, platform.second, proposed["role_change_id"], "approve")).json()
    assert (approved["status"], approved["reason"]) == ("approved", "joins")
    assert approved["proposed_by"] != approved["decided_by"]
    assert await roles_in(tokens, await client.renewed()) == ["operator"]
    async with platform.database.read() as tx:
        events = [event for event in await emitted(tx) if event.key == proposed["role_change_id"]]
    assert [event.type for event in events] == [
        "cn.ili.identity.role_change.proposed.v1",
        "cn.ili.identity.role_change.approved.v1",
    ]
    said = ("action", "organisation_id", "person_id", "role", "proposed_by", "decided_by", "membership_id")
    assert {name: events[1].data[name] for name in said} == {name: approved[name] for name in said}


async def test_a_phone_that_never_proved_an_identity_gets_no_power(platform: Platform, tokens: Tokens) -> None:
    client, phone = platform.app_client(), new_phone()
    await client.tokens(phone)
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "operator")).json()
    refused = await decide(platform.api, platform.second, proposed["role_change_id"], "approve")
    assert refusal(refused) == (409, "person_not_proofed")
    assert await roles_in(tokens, await client.renewed()) == []


async def test_an_operator_appointed_by_command_acts_only_after_proving_an_identity(
    platform: Platform, tokens: Tokens
) -> None:
    client, phone = platform.app_client(), new_phone()
    await platform.appoint(phone)
    signed_in = await client.tokens(phone)
    assert await roles_in(tokens, signed_in) == []
    assert refusal(await create(platform.api, bearer(signed_in))) == (403, "not_allowed")


async def test_an_operator_is_no_second_person_for_who_made_them(platform: Platform) -> None:
    puppet, _ = await platform.operator_made_by(platform.first, platform.second)
    for proposer, approver in ((platform.first, puppet), (puppet, platform.first)):
        _, phone, _ = await platform.person()
        proposed = (await propose_grant(platform.api, proposer, platform.id, phone, "auditor")).json()
        refused = await decide(platform.api, approver, proposed["role_change_id"], "approve")
        assert refusal(refused) == (403, "approver_not_independent")
        approved = await decide(platform.api, platform.second, proposed["role_change_id"], "approve")
        assert approved.status_code == 200


async def test_removing_a_puppet_does_not_hide_where_another_came_from(platform: Platform) -> None:
    """The first makes a puppet, which makes a second one; with the first puppet gone, the line is still known."""
    puppet, change = await platform.operator_made_by(platform.first, platform.second)
    puppet_of_puppet, _ = await platform.operator_made_by(puppet, platform.second)
    removal = await propose_removal(platform.api, platform.second, platform.id, change["membership_id"])
    assert (await decide(platform.api, platform.first, removal.json()["role_change_id"], "approve")).status_code == 200
    _, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "operator")).json()
    refused = await decide(platform.api, puppet_of_puppet, proposed["role_change_id"], "approve")
    assert refusal(refused) == (403, "approver_not_independent")


async def test_a_removed_operators_old_token_restores_nobody(platform: Platform) -> None:
    removed, change = await platform.operator_made_by(platform.first, platform.second)
    _, phone, _ = await platform.person()
    waiting = (await propose_grant(platform.api, platform.first, platform.id, phone, "operator")).json()
    removal = await propose_removal(platform.api, platform.first, platform.id, change["membership_id"])
    assert (await decide(platform.api, platform.second, removal.json()["role_change_id"], "approve")).status_code == 200
    answers = [
        await propose_grant(platform.api, removed, platform.id, phone, "auditor"),
        await decide(platform.api, removed, waiting["role_change_id"], "approve"),
        await decide(platform.api, removed, waiting["role_change_id"], "reject"),
        await add(platform.api, removed, platform.id, phone, "county_team"),
        await create(platform.api, removed),
        await platform.api.delete(f"{ORGANISATIONS}/{platform.id}/members/{change['membership_id']}", headers=removed),
    ]
    assert {refusal(answer) for answer in answers} == {(403, "no_longer_operator")}


@pytest.mark.parametrize("regained", [False, True])
async def test_a_proposal_ends_with_the_role_of_its_proposer(platform: Platform, regained: bool) -> None:  # noqa: FBT001
    client, phone = platform.app_client(), new_phone()
    third = await new_operator(platform.settings, client, phone)
    async with platform.database.read() as tx:
        made = (await tx.scalars(select(RoleChange).order_by(RoleChange.id))).all()
    _, invited, _ = await platform.person()
    waiting = (await propose_grant(platform.api, third, platform.id, invited, "auditor")).json()
    removal = await propose_removal(platform.api, platform.first, platform.id, str(made[2].membership_id))
    assert (await decide(platform.api, platform.second, removal.json()["role_change_id"], "approve")).status_code == 200
    if regained:
        await platform.appoint(phone)
    refused = await decide(platform.api, platform.second, waiting["role_change_id"], "approve")
    assert refusal(refused) == (409, "proposer_no_longer_operator")
    assert (await decide(platform.api, platform.second, waiting["role_change_id"], "reject")).status_code == 200


async def test_nobody_approves_a_role_for_themselves(platform: Platform) -> None:
    client, phone = platform.app_client(), new_phone()
    third = await new_operator(platform.settings, client, phone)
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
    assert refusal(await decide(platform.api, third, proposed["role_change_id"], "approve")) == (403, "own_role")


@pytest.mark.parametrize("step", ["approve", "reject"])
async def test_nobody_decides_the_removal_of_their_own_role(platform: Platform, step: str) -> None:
    third = await new_operator(platform.settings, platform.app_client(), new_phone())
    async with platform.database.read() as tx:
        made = (await tx.scalars(select(RoleChange).order_by(RoleChange.id))).all()
    removal = (await propose_removal(platform.api, platform.first, platform.id, str(made[2].membership_id))).json()
    assert refusal(await decide(platform.api, third, removal["role_change_id"], step)) == (403, "own_role_change")
    assert (await decide(platform.api, platform.second, removal["role_change_id"], "approve")).status_code == 200


async def test_the_last_two_operators_cannot_be_removed(platform: Platform) -> None:
    async with platform.database.read() as tx:
        made = (await tx.scalars(select(RoleChange).order_by(RoleChange.id))).all()
    removal = await propose_removal(platform.api, platform.second, platform.id, str(made[1].membership_id))
    refused = await decide(platform.api, platform.first, removal.json()["role_change_id"], "approve")
    assert refusal(refused) == (409, "last_operators")
    # One who was appointed and never proved an identity does not count.
    await platform.appoint(new_phone())
    refused = await decide(platform.api, platform.first, removal.json()["role_change_id"], "approve")
    assert refusal(refused) == (409, "last_operators")
    assert refusal(
        await platform.api.delete(
            f"{ORGANISATIONS}/{platform.id}/members/{made[1].membership_id}", headers=platform.first
        )
    ) == (403, "role_needs_two_persons")


async def test_two_operators_removing_each_other_at_once_leave_two(platform: Platform) -> None:
    third = await new_operator(platform.settings, platform.app_client())
    async with platform.database.read() as tx:
        made = [f"{change.membership_id}" for change in await tx.scalars(select(RoleChange).order_by(RoleChange.id))]
    removals = [
        (await propose_removal(platform.api, third, platform.id, membership_id)).json()["role_change_id"]
        for membership_id in made[:2]
    ]
    answers = await asyncio.gather(
        decide(platform.api, platform.second, removals[0], "approve"),
        decide(platform.api, platform.first, removals[1], "approve"),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])


async def test_a_proposal_is_decided_once(platform: Platform) -> None:
    third = await new_operator(platform.settings, platform.app_client())
    _, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
    again = await propose_grant(platform.api, third, platform.id, phone, "auditor")
    assert refusal(again) == (409, "already_proposed")
    deciding = [decide(platform.api, by, proposed["role_change_id"], "approve") for by in (platform.second, third)]
    answers = await asyncio.gather(*deciding)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    late = await decide(platform.api, third, proposed["role_change_id"], "reject")
    assert refusal(late) == (409, "already_decided")
    assert "approved" in late.json()["detail"]


async def test_proposals_are_rejected_or_withdrawn_and_then_closed(platform: Platform, tokens: Tokens) -> None:
    client, phone, _ = await platform.person()
    for decider, status in ((platform.second, "rejected"), (platform.first, "withdrawn")):
        proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
        decided = await decide(platform.api, decider, proposed["role_change_id"], "reject")
        assert (decided.status_code, decided.json()["status"]) == (200, status)
        late = await decide(platform.api, platform.second, proposed["role_change_id"], "approve")
        assert refusal(late) == (409, "already_decided")
    assert await roles_in(tokens, await client.renewed()) == []


async def test_a_proposal_that_nobody_decides_expires(platform: Platform) -> None:
    _, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")).json()
    async with platform.database.transaction() as tx:
        await tx.execute(
            update(RoleChange).values(proposed_at=now() - timedelta(days=8)).where(RoleChange.status == Status.PROPOSED)
        )
    late = await decide(platform.api, platform.second, proposed["role_change_id"], "approve")
    assert refusal(late) == (409, "proposal_expired")
    async with platform.database.transaction() as tx:
        await service.expire(tx)
    shown = await platform.api.get(f"{ROLE_CHANGES}/{proposed['role_change_id']}", headers=platform.first)
    assert shown.json()["status"] == "expired"
    again = await propose_grant(platform.api, platform.first, platform.id, phone, "auditor")
    assert again.status_code == 201


async def test_who_was_made_what_cannot_be_rewritten(platform: Platform) -> None:
    for statement, refusal_ in (
        ("UPDATE role_changes SET proposed_by = NULL", "keeps what was decided"),
        ("DELETE FROM role_changes", "is only ever added to"),
    ):
        with pytest.raises(DBAPIError, match=refusal_):
            async with platform.database.transaction() as tx:
                await tx.execute(text(statement))


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "mayor"},
        {"role": "operator", "action": "revoke"},
        {"role": "reviewer"},
        {"phone": "12"},
        {"reason": ""},
        {"reason": "长" * 501},
        {"organisation_id": "nowhere"},
        {"organisation_id": str(new_id())},
        {"action": "removal"},
        {"action": "removal", "membership_id": str(new_id())},
    ],
)
async def test_a_proposal_that_cannot_be_is_refused(
    api: httpx.AsyncClient, operator: Headers, changes: dict[str, str]
) -> None:
    platform = (await api.get(ORGANISATIONS, headers=operator)).json()["items"][0]["organisation_id"]
    usual = {
        "action": "grant",
        "organisation_id": platform,
        "phone": new_phone(),
        "role": "auditor",
        "reason": "joins",
    }
    answer = await api.post(ROLE_CHANGES, json=usual | changes, headers=operator | once())
    assert answer.status_code in {404, 422}, answer.text


async def test_auditors_see_all_changes_and_decide_none(
    api: httpx.AsyncClient, operator: Headers, second_operator: Headers, new_app_client: NewAppClient
) -> None:
    client, phone = new_app_client(STAFF_CONSOLE), new_phone()
    await proofed(client, phone)
    organisation = (await create(api, operator, kind="review_body")).json()["organisation_id"]
    change = await granted(api, (operator, second_operator), organisation, phone, "auditor")
    auditor = bearer(await client.renewed())
    listed = await api.get(ROLE_CHANGES, params={"organisation_id": organisation}, headers=auditor)
    assert listed.json()["items"] == [change]
    assert refusal(await decide(api, auditor, change["role_change_id"], "reject")) == (403, "not_allowed")


@pytest.mark.usefixtures("operator", "second_operator")
async def test_a_third_operator_by_command_needs_a_reason(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("svc_identity.memberships.load", lambda _kind: settings)
    phone = f"+86{new_phone()}"
    assert await asyncio.to_thread(main, ["grant-operator", "--phone", phone]) == 3
    assert "--reason" in capsys.readouterr().err
    command = ["grant-operator", "--phone", phone, "--reason", "both are ill"]
    assert await asyncio.to_thread(main, command) == 0
