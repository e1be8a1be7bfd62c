"""What a team says of its app: complete, reviewed by others, with the apps that may do the same."""

import asyncio
import struct
import zlib
from typing import Any

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import once
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Stage, decided, icon, outcome, registration_of


async def submit(stage: Stage, app: dict[str, Any], **changes: object) -> httpx.Response:
    return await stage.submit_registration(app, None, **changes)


async def fresh(stage: Stage, **changes: object) -> dict[str, Any]:
    """An app whose registration is not submitted yet."""
    answer = await stage.register(None, **changes)
    assert answer.status_code == 201, answer.text
    app: dict[str, Any] = answer.json()
    return app


async def test_no_code_before_the_registration_is_approved(stage: Stage) -> None:
    app = await fresh(stage)
    assert outcome(await stage.upload(app)) == (409, "registration_not_approved")
    waiting = (await submit(stage, app)).json()
    assert (waiting["status"], waiting["filing_number"]) == ("waiting", None)
    assert outcome(await stage.upload(app)) == (409, "registration_not_approved")
    approved = await decided(stage, waiting)
    assert approved.json()["filing_number"].startswith(f"YL{YINING}-")
    assert (await stage.upload(app)).status_code == 201


async def test_a_filing_number_is_kept(stage: Stage) -> None:
    app = await fresh(stage)
    first = await decided(stage, (await submit(stage, app)).json())
    again = await decided(stage, (await submit(stage, app, purposes=["查询空位"])).json())
    other = await decided(stage, (await submit(stage, await fresh(stage, name="挂号"))).json())
    numbers = [each.json()["filing_number"] for each in (first, again, other)]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"texts": [{"language": "zh-Hans", "name": "停车泊位", "description": "x"}]}, "texts_missing"),
        ({"icon_sha256": "0" * 64}, "unknown_icon"),
        ({"icon_sha256": "x"}, "invalid_request"),
        ({"purposes": []}, "invalid_request"),
        ({"purposes": ["x"] * 11}, "invalid_request"),
        ({"services": ["Bad Code"]}, "invalid_request"),
        ({"privacy": [{"permission": "location"}]}, "invalid_request"),
        ({"privacy": [{"permission": "location", "purpose": "x"}] * 2}, "invalid_request"),
        ({"declaration": {"no_check_ins": True}}, "invalid_request"),
        ({"points": True}, "invalid_request"),
    ],
)
async def test_incomplete_registrations_are_refused(stage: Stage, changes: dict[str, Any], code: str) -> None:
    assert outcome(await submit(stage, await fresh(stage), **changes)) == (422, code)


@pytest.mark.parametrize("member", ["no_check_ins", "no_points", "no_install_rankings", "no_commercial_traffic"])
async def test_each_exclusion_is_declared(stage: Stage, member: str) -> None:
    declaration = registration_of({"name": "x", "languages": []}, "")["declaration"] | {member: False}
    answer = await submit(stage, await fresh(stage), declaration=declaration)
    assert outcome(answer) == (422, "invalid_request")


async def test_the_registered_name_is_among_the_texts(stage: Stage) -> None:
    app = await fresh(stage)
    texts = [{"language": each, "name": "别的名称", "description": "x"} for each in app["languages"]]
    assert outcome(await submit(stage, app, texts=texts)) == (422, "name_not_among_texts")


async def test_names_in_every_language_are_reserved_until_a_rejection(stage: Stage) -> None:
    app = await fresh(stage)
    texts = [
        {"language": "zh-Hans", "name": app["name"], "description": "x"},
        {"language": "kk-Arab", "name": "تۇراق", "description": "x"},
    ]
    waiting = (await submit(stage, app, texts=texts)).json()
    stranger = stage.team_of(YINING)
    assert outcome(await stage.register(stranger, name="تۇراق")) == (409, "name_taken")
    assert (await decided(stage, waiting, "reject")).json()["status"] == "rejected"
    assert (await stage.register(stranger, name="تۇراق")).status_code == 201
    assert outcome(await submit(stage, app, texts=texts)) == (409, "name_taken")


async def test_others_of_another_organisation_decide(stage: Stage) -> None:
    waiting = (await submit(stage, await fresh(stage))).json()
    own = stage.tokens.staff("reviewer", organisation_id=stage.team_organisation, division_code=PREFECTURE)
    far = stage.tokens.staff("reviewer", organisation_id=new_id(), division_code=KUYTUN)
    assert outcome(await decided(stage, waiting, caller=own)) == (403, "own_organisation")
    assert outcome(await decided(stage, waiting, caller=far)) == (403, "not_your_division")
    assert outcome(await decided(stage, waiting, caller=stage.team)) == (403, "not_allowed")


async def test_whoever_submitted_it_does_not_decide_after_changing_sides(stage: Stage) -> None:
    app, author = await fresh(stage), new_id()
    waiting = (await stage.submit_registration(app, caller=await stage.colleague(person_id=author))).json()
    later = stage.person(("reviewer", new_id(), PREFECTURE), person_id=author)
    assert outcome(await decided(stage, waiting, caller=later)) == (403, "own_submission")


async def test_one_of_two_decisions_at_once_counts(stage: Stage) -> None:
    waiting = (await submit(stage, await fresh(stage))).json()
    answers = await asyncio.gather(*(decided(stage, waiting, step) for step in ("approve", "reject", "approve")))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_one_registration_waits_at_a_time(stage: Stage) -> None:
    app = await fresh(stage)
    answers = await asyncio.gather(*(submit(stage, app) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    waiting = next(answer.json() for answer in answers if answer.status_code == 201)
    path = f"/miniapps/v1/registrations/{waiting['registration_id']}/withdraw"
    assert (await stage.api.post(path, headers=stage.team_of(YINING) | once())).status_code == 404
    assert (await stage.api.post(path, headers=stage.team | once())).json()["status"] == "withdrawn"
    assert (await submit(stage, app)).status_code == 201


async def test_the_reviewer_sees_flags_and_candidates(stage: Stage) -> None:
    prefecture = stage.team_of(PREFECTURE)
    above = (await stage.register(prefecture, name="预约停车泊位", division_code=PREFECTURE)).json()
    beside = stage.team_of(KUYTUN)
    await stage.register(beside, name="停车泊位通", division_code=KUYTUN)
    await submit(stage, await fresh(stage, name="停车泊位"))
    (waiting,) = (await stage.api.get("/miniapps/v1/registrations", headers=stage.reviewer)).json()["items"]
    assert [(each["app_id"], "name" in each["alike"]) for each in waiting["candidates"]] == [(above["app_id"], True)]
    assert waiting["flags"] == []
    flagged = (await submit(stage, await fresh(stage, name="公安办事"))).json()
    assert flagged["flags"] == ["government"]


async def test_a_team_looks_for_the_same_before_it_begins(stage: Stage) -> None:
    app = await fresh(stage)
    await submit(stage, app, services=["parking_spaces", "parking_fees"])
    query: dict[str, Any] = {"division_code": YINING, "name": "泊车", "service_code": ["parking_spaces"]}
    answer = await stage.api.get("/miniapps/v1/similar-apps", params=query, headers=stage.team_of(YINING))
    assert [(each["app_id"], each["alike"]) for each in answer.json()["items"]] == [(app["app_id"], ["services"])]
    elsewhere = await stage.api.get(
        "/miniapps/v1/similar-apps", params=query | {"division_code": KUYTUN}, headers=stage.reviewer
    )
    assert elsewhere.json() == {"items": []}


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [head, *chunks, b"IDAT" + zlib.compress(b"\0" * (width + 1) * height), b"IEND"]
    packed = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script></html>",
        b"GIF89a" + bytes(100),
        png(32, 32),
        png(64, 65),
        png(1025, 1025),
        png(64, 64, b"acTL" + bytes(8)),
        png(64, 64)[:-4],
        png(64, 64) + b"<script>",
        b"\xff\xd8\xff\xe0\x00\x00" + bytes(50) + b"\xff\xd9",
        b"\xff\xd8\xff\xc0\xff\xd9",
        b"RIFF\x16\x00\x00\x00WEBPVP8L" + bytes(14),
    ],
)
async def test_what_is_no_icon_is_refused(stage: Stage, content: bytes) -> None:
    app = await fresh(stage)
    path = f"/miniapps/v1/apps/{app['app_id']}/icon"
    answer = await stage.api.put(path, content=content, headers=stage.team | {"Content-Type": "image/png"})
    assert outcome(answer) == (422, "icon_refused")


async def test_an_icon_is_shown_as_what_it_is(stage: Stage) -> None:
    app = await fresh(stage)
    waiting = (await submit(stage, app)).json()
    path = f"/miniapps/v1/registrations/{waiting['registration_id']}/icon"
    answer = await stage.api.get(path, headers=stage.reviewer)
    assert (answer.content, answer.headers["content-type"]) == (icon(), "image/png")
    assert (await stage.api.get(path, headers=stage.team_of(YINING))).status_code == 404
