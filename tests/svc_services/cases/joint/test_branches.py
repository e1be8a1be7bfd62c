"""Branches go their own ways, and the last one to end gives the combined answer, once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    KUYTUN,
    QUEUE,
    RECEIVED,
    Headers,
    acted,
    clerk,
    decided,
    outcome,
    provider,
)
from tests.svc_services.cases.joint.scenes import (
    JOINT_QUEUE,
    RECEIVED_JOINT,
    accepted,
    case_of,
    current,
    events,
    filed,
    followed,
    hear,
    mine,
    path_of,
    refused,
)


async def test_a_refusal_stops_no_other_branch(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    ended = await refused(api, tokens, case_of(joint, 1))
    await followed(database, ended)
    going_on = await accepted(api, tokens, case_of(joint, 2))
    await followed(database, going_on)
    seen = await mine(api, resident, joint)
    assert (seen["status"], seen["result"]) == ("open", None)
    states = [case_of(seen, at)["state"] for at in (1, 2, 3)]
    assert (states, case_of(seen, 2)["held_by"]) == (["refused", "accepted", "submitted"], "provider")
    assert case_of(seen, 1)["steps"][-1]["reason"] == "no line in the street"


async def test_two_branches_that_end_at_once_give_one_answer(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    cases = [await refused(api, tokens, case_of(joint, at)) for at in (1, 2, 3)]
    # Three workers hear of the three ends at the same time, and each of them again.
    await asyncio.gather(*(hear(database, case["application_id"]) for case in [*cases, *cases]))
    (event,) = await events(database, "answered")
    assert event.data["edition"] == 1
    assert [each["state"] for each in event.data["branches"]] == ["refused"] * 3
    seen = await mine(api, resident, joint)
    assert (seen["status"], seen["result"]["edition"], seen["promised_on"]) == ("ended", 1, None)
    first = seen["result"]["branches"][0]
    assert (first["position"], first["result"]["zh"], first["result"]["kk"]) == (1, *_words(seen, "refused"))


def _words(seen: dict[str, object], state: str) -> tuple[str, str]:
    label = case_of(seen, 1)["labels"][state]
    return label["zh"], label["kk"]


async def test_an_appeal_that_is_decided_gives_the_next_edition(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    cases = [await refused(api, tokens, case_of(joint, at)) for at in (1, 2, 3)]
    await followed(database, *cases)
    appealed = await acted(api, APPLICATIONS, resident, cases[0], "appeal", reason="the neighbours have a line")
    await followed(database, appealed)
    seen = await mine(api, resident, joint)
    assert (seen["status"], seen["result"]) == ("open", None)
    upheld = await decided(api, clerk(tokens, role="operator"), appealed, "uphold", reason="the street is private")
    await followed(database, upheld, upheld)
    seen = await mine(api, resident, joint)
    assert (seen["status"], seen["result"]["edition"]) == ("ended", 2)
    assert [each.data["edition"] for each in await events(database, "answered")] == [1, 2]


async def test_an_appeal_that_is_heard_of_late_is_not_lost(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    cases = [await refused(api, tokens, case_of(joint, at)) for at in (1, 2, 3)]
    await followed(database, *cases)
    appealed = await acted(api, APPLICATIONS, resident, cases[0], "appeal", reason="the neighbours have a line")
    upheld = await decided(api, clerk(tokens, role="operator"), appealed, "uphold", reason="the street is private")
    await followed(database, appealed, upheld)
    assert [each.data["edition"] for each in await events(database, "answered")] == [1, 2]
    latest = (await events(database, "answered"))[-1]
    assert [each["state"] for each in latest.data["branches"]] == ["rejected", "refused", "refused"]


async def test_one_branch_or_all_are_withdrawn(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    alone = await acted(api, APPLICATIONS, resident, case_of(joint, 1), "withdraw")
    await followed(database, alone)
    assert (await mine(api, resident, joint))["status"] == "open"
    answer = await api.post(f"{path_of(joint)}/withdraw", headers=resident | once())
    assert (answer.status_code, answer.json()["status"]) == (200, "ended")
    assert [case_of(answer.json(), at)["state"] for at in (1, 2, 3)] == ["withdrawn"] * 3
    await followed(database, *(case_of(joint, at) for at in (1, 2, 3)))
    assert len(await events(database, "answered")) == 1
    again = await api.post(f"{path_of(joint)}/withdraw", headers=resident | once())
    assert outcome(again) == (409, "nothing_to_withdraw")


async def test_a_withdrawal_of_all_races_with_a_refusal(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    company = provider(tokens, provider_ids[0])
    case = case_of(joint, 1)
    step = api.post(
        f"{RECEIVED}/{case['application_id']}/actions",
        json={"action": "refuse", "reason": "no line"},
        headers=company | once() | {"If-Match": f'"{case["version"]}"'},
    )
    withdrawn, answer = await asyncio.gather(api.post(f"{path_of(joint)}/withdraw", headers=resident | once()), step)
    assert withdrawn.status_code == 200, withdrawn.text
    assert answer.status_code in {200, 412}
    await followed(database, *(case_of(joint, at) for at in (1, 2, 3)))
    seen = await mine(api, resident, joint)
    first = "refused" if answer.status_code == 200 else "withdrawn"
    assert [case_of(seen, at)["state"] for at in (1, 2, 3)] == [first, "withdrawn", "withdrawn"]
    assert len(await events(database, "answered")) == 1


async def test_the_promise_is_the_latest_and_stands_while_a_clock_does(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    asking = provider(tokens, provider_ids[0])
    await acted(api, RECEIVED, asking, case_of(joint, 1), "request_correction", reason="which house?")
    assert (await mine(api, resident, joint))["promised_on"] is None
    await followed(database, await refused(api, tokens, case_of(joint, 2)))
    case = await current(api, resident, joint, 1)
    await acted(api, APPLICATIONS, resident, case, "correct", form=case["form"])
    seen = await mine(api, resident, joint)
    assert seen["promised_on"] == max(case_of(seen, at)["promised_on"] for at in (1, 3))


async def test_who_sees_what(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    company = provider(tokens, provider_ids[1])
    received = await api.get(path_of(joint, RECEIVED_JOINT), headers=company)
    assert received.json()["application_id"] == case_of(joint, 2)["application_id"]
    assert [(each["position"], each["open"]) for each in received.json()["branches"]] == [
        (1, True),
        (2, True),
        (3, True),
    ]
    assert not {"form", "account_number", "解放西路1号"} & {*received.text.split('"')}
    listed = (await api.get(RECEIVED_JOINT, headers=company)).json()["items"]
    assert [each["joint_application_id"] for each in listed] == [joint["joint_application_id"]]
    outsider = provider(tokens, new_id())
    assert (await api.get(path_of(joint, RECEIVED_JOINT), headers=outsider)).status_code == 404
    others = f"{RECEIVED}/{case_of(joint, 1)['application_id']}"
    assert (await api.get(others, headers=company)).status_code == 404
    staff = await api.get(path_of(joint, JOINT_QUEUE), headers=clerk(tokens))
    assert [each["application"]["state"] for each in staff.json()["branches"]] == ["submitted"] * 3
    assert "解放西路1号" not in staff.text
    queued = (await api.get(JOINT_QUEUE, headers=clerk(tokens))).json()["items"]
    assert [each["joint_application_id"] for each in queued] == [joint["joint_application_id"]]
    assert (await api.get(path_of(joint, JOINT_QUEUE), headers=clerk(tokens, KUYTUN))).status_code == 403
    assert (await api.get(JOINT_QUEUE, headers=clerk(tokens, KUYTUN))).json()["items"] == []
    assert (await api.get(QUEUE, headers=clerk(tokens))).json()["items"]
