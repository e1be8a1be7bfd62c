"""Workflows are proposed by one operator, published by another, and read by anyone."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.svc_services.cases.workflows.definitions import FAULTY, workflow

PROPOSALS, WORKFLOWS = "/services/v1/workflow-proposals", "/services/v1/workflows"
Headers = dict[str, str]


def operator(tokens: Tokens, division_code: str = "654000") -> Headers:
    return tokens.staff("operator", division_code=division_code, person_id=new_id())


async def propose(api: httpx.AsyncClient, headers: Headers, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    return await api.post(PROPOSALS, json=workflow(**changes), headers=headers | once())


async def decide(api: httpx.AsyncClient, headers: Headers, proposed: httpx.Response, what: str) -> httpx.Response:
    return await api.post(f"{PROPOSALS}/{proposed.json()['workflow_id']}/{what}", headers=headers | once())


async def current(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    listed = await api.get(WORKFLOWS, params={"utility_kind": "water", "application_kind": "change"})
    items: list[dict[str, Any]] = listed.json()["items"]
    return items


async def test_the_second_operator_publishes_the_next_version(api: httpx.AsyncClient, tokens: Tokens) -> None:
    (first,) = await current(api)
    one, other = operator(tokens), operator(tokens)
    proposed = await propose(api, one)
    assert proposed.status_code == 201, proposed.text
    assert await current(api) == [first]
    alone = await decide(api, one, proposed, "publish")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    published = await decide(api, other, proposed, "publish")
    assert (published.status_code, published.json()["version"]) == (200, first["version"] + 1)
    (second,) = await current(api)
    assert second["workflow_id"] == proposed.json()["workflow_id"]
    assert (await api.get(f"{WORKFLOWS}/{first['workflow_id']}")).json() == first
    again = await decide(api, operator(tokens), proposed, "publish")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_what_is_not_published_is_not_public(api: httpx.AsyncClient, tokens: Tokens) -> None:
    one = operator(tokens)
    proposed = await propose(api, one)
    assert (await api.get(f"{WORKFLOWS}/{proposed.json()['workflow_id']}")).status_code == 404
    assert (await decide(api, one, proposed, "reject")).json()["status"] == "rejected"
    assert (await api.get(f"{WORKFLOWS}/{proposed.json()['workflow_id']}")).status_code == 404
    listed = (await api.get(PROPOSALS, params={"status": "rejected"}, headers=one)).json()["items"]
    assert [each["workflow_id"] for each in listed] == [proposed.json()["workflow_id"]]


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_a_faulty_workflow_is_refused_with_a_code_and_the_place(
    api: httpx.AsyncClient, tokens: Tokens, language: str
) -> None:
    headers = operator(tokens) | {"Accept-Language": language}
    for faulty, code, at in FAULTY:
        answer = await propose(api, headers, definition=faulty)
        assert (answer.status_code, answer.json()["code"], answer.json()["at"]) == (422, code, at)
        assert at == "/states" or at in answer.json()["detail"]
    form = {"type": "object", "properties": {"x": {"$ref": "https://example.com/x"}}, "additionalProperties": False}
    answer = await propose(api, headers, form=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_form_schema")


async def test_a_workflow_of_a_county_alone_there_is_none(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await propose(api, operator(tokens, "654002"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_division")


async def test_heating_alone_has_seasons(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await propose(api, operator(tokens), application_kind="heating_stop")
    assert (answer.status_code, answer.json()["code"]) == (422, "application_kind_does_not_fit")
    answer = await propose(api, operator(tokens), application_kind="heating_stop", utility_kind="heating")
    assert answer.status_code == 201


async def test_sizes_are_bounded(api: httpx.AsyncClient, tokens: Tokens) -> None:
    many = workflow()["definition"]
    many["states"] = many["states"] * 11
    assert (await propose(api, operator(tokens), definition=many)).status_code == 422
    large = workflow()["form"] | {"description": "x" * 140_000}
    assert (await propose(api, operator(tokens), form=large)).status_code == 413


async def test_two_publications_at_once_get_two_versions(api: httpx.AsyncClient, tokens: Tokens) -> None:
    proposed = [await propose(api, operator(tokens)) for _ in range(3)]
    deciders = [operator(tokens) for _ in proposed]
    answers = await asyncio.gather(
        *(decide(api, headers, each, "publish") for headers, each in zip(deciders, proposed, strict=True))
    )
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4]
