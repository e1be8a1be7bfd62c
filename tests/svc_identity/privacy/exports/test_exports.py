"""One's own data in one file, after a fresh sign-in, with nothing of others in it."""

import json
import time

import httpx
import time_machine

from chassis.testing import once
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL, NewAppClient, new_phone
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.organisations.claim_decisions.conftest import Clash, Counter, clash, counter

__all__ = ["clash", "counter"]

EXPORTS, MY_DATA = "/identity/v1/me/exports", "/identity/v1/my-data"


async def export(api: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    asked = await api.post(EXPORTS, headers=headers | once())
    assert asked.status_code == 201, asked.text
    return await api.get(MY_DATA, headers={"Authorization": f"Bearer {asked.json()['ticket']}"})


async def test_the_file_has_what_is_held_in_clear(app_client: AppClient, phone: str) -> None:
    number, headers = id_number(), bearer(await app_client.tokens(phone))
    proved = await app_client.api.post(
        "/identity/v1/me/proofing", json=proof("努尔兰", number), headers=headers | once()
    )
    assert proved.status_code == 200
    answer = await export(app_client.api, headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    kinds = answer.json()["kinds"]
    (person,) = kinds["persons"]
    assert (person["phone"], person["name"], person["id_number"]) == (f"+86{phone}", "努尔兰", number)
    assert {each["activity"] for each in kinds["consents"]} == {"account", "identity_proofing"}
    assert [each["client_id"] for each in kinds["app_access"]] == ["myili-app"]
    assert [each["outcome"] for each in kinds["proofing_attempts"]] == ["match"]
    assert len(kinds["token_families"]) == len(kinds["known_devices"]) == 1
    assert not [name for rows in kinds.values() for row in rows for name in row if name.endswith(("_hash", "_index"))]


async def test_the_ticket_says_where_the_file_is_and_opens_nothing_else(app_client: AppClient, phone: str) -> None:
    headers = bearer(await app_client.tokens(phone))
    asked = (await app_client.api.post(EXPORTS, headers=headers | once())).json()
    assert (asked["url"], asked["expires_in"]) == (f"{PUBLIC_URL}/my-data", 300)
    with_ticket = {"Authorization": f"Bearer {asked['ticket']}"}
    assert (await app_client.api.get("/identity/v1/me", headers=with_ticket)).status_code == 401
    assert (await app_client.api.get(MY_DATA, headers=headers)).status_code == 401
    with time_machine.travel(time.time() + 400):
        late = await app_client.api.get(MY_DATA, headers=with_ticket)
        assert (late.status_code, late.json()["code"]) == (401, "token_expired")


async def test_a_ticket_ends_with_the_sign_in_that_asked_for_it(app_client: AppClient, phone: str) -> None:
    headers = bearer(await app_client.tokens(phone))
    asked = (await app_client.api.post(EXPORTS, headers=headers | once())).json()
    with_ticket = {"Authorization": f"Bearer {asked['ticket']}"}
    assert (await app_client.api.get(MY_DATA, headers=with_ticket)).status_code == 200
    ended = await app_client.api.delete("/identity/v1/sign-ins", params={"keep_current": False}, headers=headers)
    assert ended.status_code == 204
    refused = await app_client.api.get(MY_DATA, headers=with_ticket)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_a_sign_in_of_longer_ago_is_not_enough(app_client: AppClient, phone: str) -> None:
    await app_client.tokens(phone)
    with time_machine.travel(time.time() + 601):
        headers = bearer(await app_client.renewed())
        answer = await app_client.api.post(EXPORTS, headers=headers | once())
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_too_old")
        assert 'error="insufficient_user_authentication"' in answer.headers["www-authenticate"]
        assert 'max_age="600"' in answer.headers["www-authenticate"]


async def test_nothing_of_staff_or_of_the_other_side_of_a_claim_is_in_it(
    clash: Clash, counter: Counter, new_app_client: NewAppClient
) -> None:
    assert (await counter.review(clash.number)).status_code == 200
    file = (await export(clash.claimant.client.api, clash.claimant.headers)).text
    for other in (counter.clerk, clash.holder):
        assert (await other.me())["person_id"] not in file
        assert other.phone not in file
    stranger = await export(new_app_client().api, bearer(await new_app_client().tokens(new_phone())))
    assert json.loads(stranger.text)["kinds"]["identity_claims"] == []
