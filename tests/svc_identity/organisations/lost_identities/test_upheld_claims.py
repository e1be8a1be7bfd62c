"""An upheld claim takes from the former holder of the number all that stood on it, for good."""

from typing import Any

import httpx
import pytest
from joserfc import jwt

from chassis.auth import AssuranceTooLow
from chassis.db import Database
from chassis.testing import Tokens
from svc_identity.organisations.representation import service as representation
from svc_identity.organisations.representation.models import Outcome
from svc_identity.settings import Settings
from tests.security_log import SecurityLog
from tests.svc_identity.identities import new_uscc
from tests.svc_identity.organisations.claim_decisions.conftest import Clash, Counter, Resident, events_about
from tests.svc_identity.organisations.representation.test_representation import OWN, appoint, claim
from tests.svc_identity.organisations.role_changes.requests import Headers, decide, granted, propose_grant
from tests.svc_identity.people.proofing.proofs import on_record, refusal


async def upheld(clash: Clash, counter: Counter) -> None:
    await counter.review(clash.number)
    assert (await counter.confirm(clash.number)).json()["verdict"] == "upheld"


async def back_under_another_number(person: Resident, settings: Settings) -> None:
    """Sign in anew and prove another identity."""
    assert (await (await person.back()).prove(on_record(settings))).status_code == 200
    await person.renewed()


def roles_of(person: Resident, tokens: Tokens) -> list[str]:
    claims: dict[str, Any] = jwt.decode(person.signed_in["access_token"], tokens.key, ["ES256"]).claims
    return [each["role"] for each in claims["memberships"]]


async def test_the_impostor_represents_no_company_any_more(
    clash: Clash, counter: Counter, settings: Settings, api: httpx.AsyncClient
) -> None:
    await clash.holder.renewed()
    uscc, owner = new_uscc(), {"name": "张三", "id_number": clash.id_number}
    appoint(settings, uscc, ({}, owner))
    assert (await claim(api, (clash.holder.headers, owner), uscc)).status_code == 200
    await upheld(clash, counter)
    await back_under_another_number(clash.holder, settings)
    assert (await api.get(OWN, headers=clash.holder.headers)).json()["items"] == []
    await clash.claimant.renewed()
    assert (await claim(api, (clash.claimant.headers, owner), uscc)).status_code == 200


async def test_roles_end_with_the_identity_and_do_not_come_back(
    clash: Clash,
    counter: Counter,
    settings: Settings,
    operator: Headers,
    second_operator: Headers,
    tokens: Tokens,
    database: Database,
) -> None:
    api = clash.holder.client.api
    change = await granted(api, (operator, second_operator), counter.id, clash.holder.phone, "till_supervisor")
    await clash.holder.renewed()
    assert roles_of(clash.holder, tokens) == ["till_supervisor"]
    await upheld(clash, counter)
    await back_under_another_number(clash.holder, settings)
    assert roles_of(clash.holder, tokens) == []
    listed = await api.get("/identity/v1/role-changes", headers=operator, params={"organisation_id": counter.id})
    (removal,) = [each for each in listed.json()["items"] if each["action"] == "removal"]
    assert (removal["membership_id"], removal["proposed_by"]) == (change["membership_id"], None)
    assert removal["reason"] == "identity lost"
    ((kind, said),) = await events_about(database, removal["role_change_id"])
    assert (kind, said["action"]) == ("role_change.approved.v1", "removal")


async def test_a_role_that_was_proposed_for_the_lost_identity_is_not_granted_to_another(
    clash: Clash, counter: Counter, operator: Headers, second_operator: Headers
) -> None:
    api = clash.holder.client.api
    proposal = (await propose_grant(api, operator, counter.id, clash.holder.phone, "till_supervisor")).json()
    await upheld(clash, counter)
    refused = await decide(api, second_operator, proposal["role_change_id"], "approve")
    assert refusal(refused) == (409, "proposal_expired")


async def test_sign_ins_end_with_the_identity(clash: Clash, counter: Counter, security_log: SecurityLog) -> None:
    await upheld(clash, counter)
    refused = await clash.holder.client.api.get("/identity/v1/me", headers=clash.holder.headers)
    assert refusal(refused) == (401, "token_invalid")
    kinds = security_log.kinds()
    assert ("identity_lost", "claim_upheld") in kinds
    assert ("signed_out", "revoked") in kinds


async def test_an_identity_lost_while_the_registry_answers_claims_no_company(
    clash: Clash, counter: Counter, database: Database
) -> None:
    person_id = (await clash.holder.me())["person_id"]
    await upheld(clash, counter)
    async with database.transaction() as tx:
        with pytest.raises(AssuranceTooLow):
            await representation.claim(tx, person_id, new_uscc(), Outcome.MATCH)
