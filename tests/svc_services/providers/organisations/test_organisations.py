"""A stranger's application does not stand in the way of an organisation's legal representative."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens, once
from svc_services.providers.applications.models import ProviderApplication
from svc_services.providers.applications.service import expire_unproved
from svc_services.providers.organisations.consumers import (
    HANDLERS,
    MandateAccepted,
    MandateEnded,
    OrganisationClaimed,
    RepresentationEnded,
)
from tests.svc_services.companies import APPLICATIONS, application, apply, uscc

Json = dict[str, Any]
CLAIMED, ACCEPTED, ENDED, RELEASED = HANDLERS


async def claimed(database: Database, code: str, person_id: UUID, revision: int = 1, organisation: str = "") -> None:
    """The event of svc_identity."""
    data = {"organisation_id": organisation or str(new_id()), "uscc": code, "representative_id": str(person_id)}
    reader = OrganisationClaimed.model_validate({**data, "claimed_at": now(), "revision": revision})
    async with database.transaction() as tx:
        await CLAIMED.handle(tx, Received(new_id(), CLAIMED.event_type, now(), reader))


async def released(database: Database, code: str, revision: int = 2) -> None:
    """The event of svc_identity when the representative has lost the identity."""
    reader = RepresentationEnded(uscc=code, revision=revision)
    async with database.transaction() as tx:
        await RELEASED.handle(tx, Received(new_id(), RELEASED.event_type, now(), reader))


async def file(
    api: httpx.AsyncClient, code: str, headers: dict[str, str] | None = None, **changes: object
) -> httpx.Response:
    return await api.post(APPLICATIONS, json=application(uscc=code, **changes), headers=(headers or {}) | once())


def representative(tokens: Tokens, person_id: UUID, **changes: Any) -> dict[str, str]:  # noqa: ANN401 - claims
    token = tokens.sign(sub=str(person_id), assurance_level=2, scope="applications", **changes)
    return {"Authorization": f"Bearer {token}"}


async def status(api: httpx.AsyncClient, filed: Json) -> str:
    headers = {"Application-Token": filed["application_token"]}
    answer = await api.get(f"{APPLICATIONS}/{filed['application_id']}", headers=headers)
    shown = answer.json()
    return str(shown["closure"] or shown["status"])


async def test_the_representative_displaces_a_strangers_application(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, person = uscc(), new_id()
    stranger = await apply(api, uscc=code)
    await claimed(database, code, person)
    own = await file(api, code, representative(tokens, person))
    assert (own.status_code, own.json()["proved"]) == (201, True)
    assert await status(api, stranger) == "displaced"
    path = f"{APPLICATIONS}/{own.json()['application_id']}/approve"
    assert (await api.post(path, headers=tokens.staff("operator") | once())).status_code == 200


async def test_nobody_else_applies_for_a_claimed_organisation(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, person = uscc(), new_id()
    await claimed(database, code, person)
    anonymous = await file(api, code)
    assert (anonymous.status_code, anonymous.json()["code"]) == (403, "organisation_claimed")
    other = await file(api, code, representative(tokens, new_id()))
    assert (other.status_code, other.json()["code"]) == (403, "not_for_organisation")
    unclaimed = await file(api, uscc(), representative(tokens, person))
    assert (unclaimed.status_code, unclaimed.json()["code"]) == (403, "not_for_organisation")


async def test_a_token_without_the_level_or_the_scope_speaks_for_nobody(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, person = uscc(), new_id()
    await claimed(database, code, person)
    for changes in ({"assurance_level": 1}, {"scope": "bills"}):
        claims: Json = {"sub": str(person), "assurance_level": 2, "scope": "applications", **changes}
        headers = {"Authorization": f"Bearer {tokens.sign(**claims)}"}
        assert (await file(api, code, headers)).status_code == 403
    assert (await file(api, code, {"Authorization": "Bearer no.such.token"})).status_code == 401


async def test_a_displaced_representative_applies_no_more_and_a_late_event_brings_nobody_back(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, former, new, organisation = uscc(), new_id(), new_id(), str(new_id())
    await claimed(database, code, new, 2, organisation)
    await claimed(database, code, former, 1, organisation)
    refused = await file(api, code, representative(tokens, former))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_for_organisation")
    assert (await file(api, code, representative(tokens, new))).status_code == 201


async def test_a_representative_without_their_identity_applies_no_more_and_what_waits_is_unproved(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, impostor, owner = uscc(), new_id(), new_id()
    await claimed(database, code, impostor)
    filed = (await file(api, code, representative(tokens, impostor))).json()
    await released(database, code)
    refused = await file(api, code, representative(tokens, impostor))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_for_organisation")
    await claimed(database, code, owner, 3)
    assert (await file(api, code, representative(tokens, owner))).status_code == 201
    assert await status(api, filed) == "displaced"


async def test_a_late_end_takes_nothing_from_the_successor(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, owner = uscc(), new_id()
    await claimed(database, code, owner, 3)
    await released(database, code)
    assert (await file(api, code, representative(tokens, owner))).status_code == 201


async def test_operators_approve_no_strangers_application_for_a_claimed_organisation(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code = uscc()
    stranger = await apply(api, uscc=code)
    await claimed(database, code, new_id())
    path = f"{APPLICATIONS}/{stranger['application_id']}/approve"
    answer = await api.post(path, headers=tokens.staff("operator") | once())
    assert (answer.status_code, answer.json()["code"]) == (409, "application_unproved")
    assert await status(api, stranger) == "applied"


async def test_applications_of_the_representative_at_once_are_one(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, person = uscc(), new_id()
    await apply(api, uscc=code)
    await claimed(database, code, person)
    answers = await asyncio.gather(*(file(api, code, representative(tokens, person)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_an_unproved_application_expires_and_a_proved_one_does_not(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, person = uscc(), new_id()
    stale, fresh = await apply(api), await apply(api)
    await claimed(database, code, person)
    own = (await file(api, code, representative(tokens, person))).json()
    old = ProviderApplication.id.in_([UUID(stale["application_id"]), UUID(own["application_id"])])
    async with database.transaction() as tx:
        await tx.execute(update(ProviderApplication).where(old).values(created_at=now() - timedelta(days=31)))
    await expire_unproved(database, 30)
    assert [await status(api, filed) for filed in (stale, fresh, own)] == ["expired", "applied", "applied"]
    assert (await file(api, stale["uscc"])).status_code == 201


async def mandated(database: Database, code: str, agent: UUID, **changes: Any) -> UUID:  # noqa: ANN401 - JSON
    """The event of svc_identity."""
    mandate_id = new_id()
    usual = {"uscc": code, "agent_id": agent, "scopes": ["applications"], "division_codes": ["654002", "654021"]}
    reader = MandateAccepted.model_validate(
        {"mandate_id": mandate_id, "valid_until": now() + timedelta(days=1), **usual, **changes}
    )
    async with database.transaction() as tx:
        await ACCEPTED.handle(tx, Received(new_id(), ACCEPTED.event_type, now(), reader))
    return mandate_id


async def test_an_agent_applies_within_the_mandate(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    code, agent = uscc(), new_id()
    stranger = await apply(api, uscc=code)
    await claimed(database, code, new_id())
    await mandated(database, code, agent)
    beyond = await file(api, code, representative(tokens, agent), division_codes=["654002", "654003"])
    assert (beyond.status_code, beyond.json()["code"]) == (403, "beyond_mandate")
    assert await status(api, stranger) == "applied"
    own = await file(api, code, representative(tokens, agent))
    assert (own.status_code, own.json()["proved"]) == (201, True)
    assert await status(api, stranger) == "displaced"


async def test_a_mandate_for_the_prefecture_covers_its_divisions(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, agent = uscc(), new_id()
    await claimed(database, code, new_id())
    await mandated(database, code, agent, division_codes=["654000"])
    assert (await file(api, code, representative(tokens, agent))).status_code == 201


async def test_a_mandate_that_is_over_or_for_something_else_gives_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, agent = uscc(), new_id()
    await claimed(database, code, new_id())
    await mandated(database, code, agent, valid_until=now() - timedelta(seconds=1))
    await mandated(database, uscc(), agent)
    await mandated(database, code, agent, scopes=["another"])
    withdrawn = await mandated(database, code, agent)
    reader = MandateEnded.model_validate({"mandate_id": withdrawn, "ended_at": now()})
    async with database.transaction() as tx:
        await ENDED.handle(tx, Received(new_id(), ENDED.event_type, now(), reader))
    answer = await file(api, code, representative(tokens, agent))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_for_organisation")
