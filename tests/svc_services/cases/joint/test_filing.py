"""One form for several companies: saved as it goes, filed whole or not at all."""

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens, once
from svc_services.cases.joint.drafts import MOST_DRAFTS
from svc_services.supervision.ratings.consumers import HANDLERS
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    RECEIVED,
    Headers,
    bound,
    draft,
    outcome,
    provider,
)
from tests.svc_services.cases.applications.cases import submit as submit_single
from tests.svc_services.cases.joint.scenes import (
    JOINT,
    begin,
    case_of,
    events,
    filed,
    followed,
    mine,
    path_of,
    save,
    submit,
    wanted,
)
from tests.svc_services.cases.materials.files import MATERIALS, uploaded
from tests.svc_services.cases.workflows.definitions import FORM as CHANGE_FORM
from tests.svc_services.cases.workflows.definitions import LABELS, definition
from tests.svc_services.cases.workflows.test_workflows import decide, operator
from tests.svc_services.cases.workflows.test_workflows import propose as propose_workflow
from tests.svc_services.providers.connections.companies import connected

_DEEP: object = json.loads("[" * 20 + "]" * 20)
CLOSING = {"kind": "closure", "form": {"last_day": "2026-12-31"}}


async def applications(api: httpx.AsyncClient, headers: Headers) -> list[str]:
    items = (await api.get(APPLICATIONS, headers=headers)).json()["items"]
    return [each["status"] for each in items]


async def publish_change(api: httpx.AsyncClient, tokens: Tokens, kind: str, **fields: object) -> None:
    """A form for changes at companies of a kind."""
    form = {**CHANGE_FORM, "properties": {**CHANGE_FORM["properties"], **fields}}
    labels = LABELS | dict.fromkeys(fields, LABELS["address"])
    materials = [{"kind": "id_card", "required": True}]
    rules = definition(labels=labels | {"id_card": LABELS["address"]}, materials=materials)
    proposed = await propose_workflow(api, operator(tokens), utility_kind=kind, form=form, definition=rules)
    assert proposed.status_code == 201, proposed.text
    assert (await decide(api, operator(tokens), proposed, "publish")).status_code == 200


async def test_a_form_is_saved_as_it_goes_and_filed_for_all_companies(
    api: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    resident: Headers,
    provider_ids: Sequence[UUID],
    person_id: UUID,
) -> None:
    begun = (await begin(api, resident, wanted(provider_ids, form={"shared": {}}))).json()
    assert (begun["status"], begun["form_schema"]["properties"]["shared"]["required"]) == (
        "draft",
        ["address", "phone"],
    )
    assert begun["labels"]["address"]["zh"]
    early = await submit(api, resident, begun)
    assert (outcome(early), {each["at"] for each in early.json()["errors"]}) == ((422, "form_refused"), {"/shared"})
    saved = await save(api, resident, begun, wanted(provider_ids))
    assert saved.headers["etag"] == '"2"'
    stale = await save(api, resident, begun, wanted(provider_ids))
    assert outcome(stale) == (412, "edited_meanwhile")
    answer = await submit(api, resident, saved.json())
    assert answer.status_code == 200, answer.text
    joint = answer.json()
    assert (joint["status"], joint["form"], len(joint["branches"])) == ("open", {"shared": {}, "branches": {}}, 3)
    assert [case_of(joint, at)["form"] for at in (1, 2, 3)] == [FORM] * 3
    assert joint["promised_on"] == max(case_of(joint, at)["promised_on"] for at in (1, 2, 3))
    assert await applications(api, resident) == ["open"] * 3
    (event,) = await events(database, "filed")
    assert (event.data["person_id"], len(event.data["branches"])) == (str(person_id), 3)
    received = await api.get(
        f"{RECEIVED}/{case_of(joint, 2)['application_id']}", headers=provider(tokens, provider_ids[1])
    )
    assert received.json()["form"] == FORM
    late = await save(api, resident, joint, wanted(provider_ids))
    assert outcome(late) == (409, "joint_application_already_submitted")


async def test_a_company_gets_what_its_own_form_asks_alone(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    meter = {"type": "string", "maxLength": 20}
    more_rooms = {"type": "integer", "minimum": 1, "maximum": 500}
    await publish_change(api, tokens, "water", meter=meter)
    await publish_change(api, tokens, "electricity", rooms=more_rooms)
    branches = [{"provider_id": str(each), "kind": "change"} for each in provider_ids[:2]]
    accounts = [{**each, "account_number": None} for each in branches]
    form = {"shared": {"address": "解放西路1号", "meter": "A1"}, "branches": {"1": {"rooms": 3}, "2": {"rooms": 300}}}
    photo = await uploaded(api, resident)
    house = await uploaded(api, resident, kind="house_title")
    body = wanted(provider_ids, branches=accounts, form=form, material_ids=[])
    begun = (await begin(api, resident, body)).json()
    parts = begun["form_schema"]["properties"]
    assert set(parts["shared"]["properties"]) == {"address", "meter", "phone"}
    assert parts["branches"]["properties"]["2"]["properties"] == {"rooms": more_rooms}
    assert begun["wanted_materials"] == [{"kind": "id_card", "required": True, "positions": [1, 2]}]
    without = await submit(api, resident, begun)
    assert (outcome(without), without.json()["branch"]) == ((422, "materials_missing"), 1)
    with_both = body | {"material_ids": [photo["material_id"], house["material_id"]]}
    joint = (await submit(api, resident, (await save(api, resident, begun, with_both)).json())).json()
    assert case_of(joint, 1)["form"] == {"address": "解放西路1号", "meter": "A1", "rooms": 3}
    assert case_of(joint, 2)["form"] == {"address": "解放西路1号", "rooms": 300}
    given = [[each["kind"] for each in case_of(joint, at)["materials"]] for at in (1, 2)]
    assert given == [["id_card"], ["id_card"]]
    assert (await api.delete(f"{MATERIALS}/{photo['material_id']}", headers=resident)).status_code == 409


@pytest.mark.parametrize(
    ("form", "at"),
    [
        ({"shared": {"phone": 138}}, "/shared/phone"),
        ({"shared": {"pet": "cat"}}, "/shared"),
        ({"branches": {"2": {"address": "elsewhere"}}}, "/branches/2"),
        ({"shared": {"address": "\u202eevil"}}, "/shared/address"),
        ({"shared": {"note": "a\x00b"}}, "/shared/note"),
        ({"shared": {"note": "\ud800"}}, "/shared/note"),
        ({"shared": {"address": _DEEP}}, "/shared"),
        ({"branches": {"3": {"\x00": 1}}}, "/branches/3"),
    ],
)
async def test_types_of_a_draft_are_checked(
    api: httpx.AsyncClient, resident: Headers, provider_ids: Sequence[UUID], form: object, at: str
) -> None:
    # In escapes, as also half of a surrogate pair can be sent.
    headers = resident | once() | {"Content-Type": "application/json"}
    refused = await api.post(JOINT, content=json.dumps(wanted(provider_ids, form=form)), headers=headers)
    assert (outcome(refused), [each["at"] for each in refused.json()["errors"]]) == ((422, "form_refused"), [at])


async def test_one_branch_that_cannot_be_filed_leaves_nothing(
    api: httpx.AsyncClient,
    database: Database,
    resident: Headers,
    provider_ids: Sequence[UUID],
    person_id: UUID,
) -> None:
    number = await bound(database, person_id, provider_ids[2])
    first = await draft(api, resident, provider_ids[2], account_number=number, **CLOSING)
    branches = wanted(provider_ids)["branches"]
    branches[2] |= {"kind": "closure", "account_number": number}
    form = {"shared": {**FORM, "last_day": "2026-12-31"}}
    begun = await begin(api, resident, wanted(provider_ids, branches=branches, form=form))
    assert begun.status_code == 201, begun.text
    assert (await submit_single(api, resident, first.json())).status_code == 200
    refused = await submit(api, resident, begun.json())
    assert (outcome(refused), refused.json()["branch"]) == ((409, "application_filed_already"), 3)
    assert await applications(api, resident) == ["open"]
    assert (await mine(api, resident, begun.json()))["status"] == "draft"
    assert await events(database, "filed") == []


async def test_a_suspended_company_leaves_nothing_filed(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    company = await connected(api, tokens)
    begun = (await begin(api, resident, wanted([*provider_ids, company.id]))).json()
    stopped = await api.post(
        f"{company.path}/suspend", json={"reason": "attack"}, headers=tokens.staff("operator") | once()
    )
    assert stopped.is_success
    refused = await submit(api, resident, begun)
    assert (outcome(refused), refused.json()["branch"]) == ((409, "provider_suspended"), 4)
    assert await applications(api, resident) == []
    assert (await mine(api, resident, begun))["status"] == "draft"


async def test_filing_twice_at_once_files_once(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    begun = (await begin(api, resident, wanted(provider_ids))).json()
    answers = await asyncio.gather(*(submit(api, resident, begun) for _ in range(4)))
    assert sorted(outcome(each) for each in answers) == [
        (200, ""),
        *[(409, "joint_application_already_submitted")] * 3,
    ]
    assert await applications(api, resident) == ["open"] * 3
    assert len(await events(database, "filed")) == 1


async def test_the_same_request_again_gets_the_same_answer(
    api: httpx.AsyncClient, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    begun = (await begin(api, resident, wanted(provider_ids))).json()
    headers = resident | once() | {"If-Match": '"1"'}
    first, again = [await api.post(f"{path_of(begun)}/submit", headers=headers) for _ in range(2)]
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
    assert await applications(api, resident) == ["open"] * 3


async def test_what_is_wanted_of_whom_is_checked(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    twice = await begin(api, resident, wanted([provider_ids[0], provider_ids[0]]))
    assert outcome(twice) == (422, "joint_provider_twice")
    alone = await begin(api, resident, wanted(provider_ids[:1]))
    assert outcome(alone) == (422, "invalid_request")
    elsewhere = await begin(api, resident, wanted(provider_ids, division_code=KUYTUN))
    assert (outcome(elsewhere), elsewhere.json()["branch"]) == ((422, "not_served_there"), 1)
    unknown = await begin(api, resident, wanted([provider_ids[0], new_id()]))
    assert (outcome(unknown), unknown.json()["branch"]) == ((422, "unknown_provider"), 2)
    branches = wanted(provider_ids)["branches"]
    branches[1] |= {"kind": "closure", "account_number": await bound(database, new_id(), provider_ids[1])}
    foreign = await begin(api, resident, wanted(provider_ids, branches=branches, form={}))
    assert (outcome(foreign), foreign.json()["branch"]) == ((403, "account_not_yours"), 2)
    material = await begin(api, resident, wanted(provider_ids, material_ids=[str(new_id())]))
    assert outcome(material) == (409, "joint_material_unknown")


async def test_a_joint_application_is_its_authors_alone(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    begun, stranger = (await begin(api, resident, wanted(provider_ids))).json(), tokens.resident(new_id())
    assert (await api.get(path_of(begun), headers=stranger)).status_code == 404
    assert (await save(api, stranger, begun, wanted(provider_ids))).status_code == 404
    assert (await submit(api, stranger, begun)).status_code == 404
    joint = await filed(api, resident, provider_ids)
    for action, body in (("withdraw", None), ("survey-days", {"days": ["2099-01-01"]})):
        answer = await api.post(f"{path_of(joint)}/{action}", json=body, headers=stranger | once())
        assert answer.status_code == 404, action
    listed = (await api.get(JOINT, headers=resident, params={"status": "draft"})).json()["items"]
    assert [each["joint_application_id"] for each in listed] == [begun["joint_application_id"]]
    removed = await api.delete(path_of(begun), headers=resident | {"If-Match": '"1"'})
    assert removed.status_code == 204
    assert (await api.get(path_of(begun), headers=resident)).status_code == 404


async def test_joint_drafts_are_limited(
    api: httpx.AsyncClient, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    answers = await asyncio.gather(*(begin(api, resident, wanted(provider_ids)) for _ in range(MOST_DRAFTS + 2)))
    assert sorted(each.status_code for each in answers) == [201] * MOST_DRAFTS + [409] * 2


async def test_a_closed_account_leaves_no_draft_and_ends_what_was_filed(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_ids: Sequence[UUID], person_id: UUID
) -> None:
    begun = (await begin(api, resident, wanted(provider_ids))).json()
    joint = await filed(api, resident, provider_ids)
    async with database.transaction() as tx:
        _of_moves, of_closure = HANDLERS
        closed = of_closure.data(person_id=person_id)
        await of_closure.handle(tx, Received(new_id(), of_closure.event_type, now(), closed))
    await followed(database, *(case_of(joint, at) for at in (1, 2, 3)))
    assert (await api.get(path_of(begun), headers=resident)).status_code == 404
    seen = await mine(api, resident, joint)
    assert (seen["status"], [each["application"]["form"] for each in seen["branches"]]) == ("ended", [{}] * 3)
    assert len(await events(database, "answered")) == 1
