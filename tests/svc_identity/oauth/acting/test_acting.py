"""A person acts for an organisation (RFC 8693): its token names both, and is worth what the mandate is worth now."""

import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from chassis.db import Database, now
from chassis.testing import Tokens, emitted
from svc_identity.organisations.mandates.models import Mandate
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import TOKEN
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.oauth.acting.scene import ACCESS_TOKEN, ME, ORGANISATION, Actor, Firm, claims_of
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_exchange import form, new_mini_app

INVALID = (400, "invalid_request")


async def test_the_token_names_the_organisation_and_who_acts_for_it(firm: Firm, agent: Actor, tokens: Tokens) -> None:
    mandate = await firm.mandate(agent)
    answer = await agent.acting(firm.id)
    assert answer["token_type"] == "DPoP"  # noqa: S105 - no secret
    assert (answer["issued_token_type"], answer["scope"]) == (ACCESS_TOKEN, "applications")
    assert "refresh_token" not in answer
    mine, claims = claims_of(tokens, agent.answer), claims_of(tokens, answer)
    assert (claims["sub"], claims["kind"], claims["act"]) == (firm.id, "organisation", {"sub": mine["sub"]})
    assert (claims["authority"], claims["division_codes"]) == (mandate["mandate_id"], ["654002"])
    assert (claims["aud"], claims["cnf"]) == ("myili", {"jkt": agent.prover.thumbprint})
    assert [claims[name] for name in ("sid", "client_id")] == [mine[name] for name in ("sid", "client_id")]
    assert 0 < answer["expires_in"] <= mine["exp"] - int(time.time()) + 1
    assert claims["exp"] <= mine["exp"]


async def test_the_representative_acts_without_a_mandate(firm: Firm, tokens: Tokens) -> None:
    claims = claims_of(tokens, await firm.representative.acting(firm.id))
    assert claims["division_codes"] == ["654000"]
    assert claims["act"]["sub"] == claims_of(tokens, firm.representative.answer)["sub"]


async def test_it_ends_with_the_mandate_at_the_latest(
    firm: Firm, agent: Actor, database: Database, tokens: Tokens
) -> None:
    mandate = UUID((await firm.mandate(agent))["mandate_id"])
    soon = now() + timedelta(seconds=40)
    async with database.transaction() as tx:
        await tx.execute(update(Mandate).where(Mandate.id == mandate).values(valid_until=soon))
    answer = await agent.acting(firm.id)
    assert 30 < answer["expires_in"] <= 40
    assert claims_of(tokens, answer)["exp"] <= soon.timestamp()


async def test_nobody_acts_for_an_organisation_without_a_mandate_of_it(
    firm: Firm, agent: Actor, new_app_client: NewAppClient
) -> None:
    boss = await Actor(new_app_client(), "赵六").proofed()
    other = await Firm(boss, firm.settings).claimed_by(boss)
    await other.mandate(agent)
    answers = [await agent.act(subject) for subject in (firm.id, str(uuid4()))]
    assert [refusal(answer) for answer in answers] == [INVALID] * 2
    assert answers[0].json() == answers[1].json()  # it is not disclosed which organisations there are
    assert (await agent.act(other.id)).status_code == 200


async def test_a_withdrawn_mandate_gives_nothing_and_its_tokens_are_refused(
    firm: Firm, agent: Actor, database: Database
) -> None:
    mandate = await firm.mandate(agent)
    acting = (await agent.acting(firm.id))["access_token"]
    taken = await agent.call("GET", ME, token=acting)
    assert (taken.status_code, taken.json()["code"]) == (403, "not_allowed")
    withdrawn = await firm.representative.call("POST", f"{ME}/mandates/{mandate['mandate_id']}/withdraw")
    assert withdrawn.status_code == 200, withdrawn.text
    refused = await agent.call("GET", ME, token=acting)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert refusal(await agent.act(firm.id)) == INVALID
    assert await ended(database, mandate["mandate_id"])


async def ended(database: Database, authority: str) -> bool:
    """Whether all services are told that an authority has ended."""
    async with database.read() as tx:
        return any(event.type.endswith("authority.ended.v1") and event.key == authority for event in await emitted(tx))


async def test_a_replaced_representative_acts_no_more(
    firm: Firm, new_app_client: NewAppClient, database: Database
) -> None:
    former = firm.representative
    acting = (await former.acting(firm.id))["access_token"]
    await firm.claimed_by(await Actor(new_app_client(), "李四").proofed())
    refused = await former.call("GET", ME, token=acting)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert refusal(await former.act(firm.id)) == INVALID
    assert await ended(database, f"{firm.id}/1")


async def test_scopes_are_those_of_the_mandate_and_of_the_actors_own_token(
    firm: Firm, agent: Actor, new_app_client: NewAppClient
) -> None:
    await firm.mandate(agent)
    for scope in ("applications bills", "pay", "openid", "offline_access"):
        assert refusal(await agent.act(firm.id, scope=scope)) == (400, "invalid_scope"), scope
    boss = await Actor(new_app_client(), "赵六").proofed()
    own = await Firm(boss, firm.settings).claimed_by(boss)
    boss.phone, narrow = boss.phone, boss
    await narrow.sign_in("openid bills")
    assert refusal(await narrow.act(own.id)) == (400, "invalid_scope")


async def test_who_acts_for_one_does_not_act_for_another_by_that_token(
    firm: Firm, agent: Actor, database: Database
) -> None:
    await firm.mandate(agent)
    acting = (await agent.acting(firm.id))["access_token"]
    assert refusal(await agent.act(firm.id, actor_token=acting)) == INVALID
    mini_app = await new_mini_app(database, "openid", "applications")
    sent = form(acting, mini_app, scope="applications")
    assert refusal(await agent.prover.send(agent.client.api, "POST", TOKEN, data=sent)) == INVALID


async def test_the_actor_proves_the_key_of_their_own_token(firm: Firm, agent: Actor) -> None:
    await firm.mandate(agent)
    mine, agent.prover = agent.prover, Prover()
    assert refusal(await agent.act(firm.id)) == (400, "invalid_dpop_proof")
    agent.prover = mine
    acting = (await agent.acting(firm.id))["access_token"]
    agent.prover = Prover()
    stolen = await agent.call("GET", ME, token=acting)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "proof_refused")


async def test_an_unbound_token_acts_for_nobody(firm: Firm, new_app_client: NewAppClient) -> None:
    client = new_app_client()
    actor = Actor(client)
    actor.answer = await client.tokens(actor.phone)
    assert refusal(await actor.act(firm.id)) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"audience": "myili-app"}, "invalid_target"),
        ({"resource": "https://other.test"}, "invalid_target"),
        ({"actor_token": None}, "invalid_request"),
        ({"actor_token": "x.y.z"}, "invalid_request"),
        ({"actor_token_type": None}, "invalid_request"),
        ({"actor_token_type": ORGANISATION}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"subject_token": "91654002MA"}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": "urn:myili:principal:person"}, "invalid_request"),
        ({"client_id": "myili-staff"}, "invalid_request"),
        ({"client_id": "nobody"}, "invalid_client"),
    ],
)
async def test_what_is_no_request_to_act_is_refused(firm: Firm, changes: dict[str, str | None], error: str) -> None:
    answer = await firm.representative.act(firm.id, **changes)
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] == error


async def test_a_signed_out_actor_acts_no_more(firm: Firm) -> None:
    actor = firm.representative
    acting = (await actor.acting(firm.id))["access_token"]
    revoked = {"client_id": "myili-app", "token": actor.answer["refresh_token"]}
    await actor.client.api.post(TOKEN.replace("token", "revoke"), data=revoked)
    assert refusal(await actor.act(firm.id)) == INVALID
    refused = await actor.call("GET", ME, token=acting)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
