"""Files that reviewers add to their reasons: checked, cited, and read by those whom they concern."""

import hashlib
import struct
import zlib

import httpx
import pytest

from chassis.db import new_id
from svc_miniapps.publishing.reviews.attachments import MAX_BYTES, MOST_FILES
from tests.svc_miniapps.publishing.reviews.test_reviews import submitted
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, REASONS, Headers, Json, Stage, icon, outcome

PNG = icon()


def png(number: int) -> bytes:
    """Another picture of one pixel for each number."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(bytes([0, number])), b"IEND")
    packed = (struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def path_of(release_id: str, content: bytes | None = None) -> str:
    path = f"/miniapps/v1/releases/{release_id}/review-files"
    return path if content is None else f"{path}/{hashlib.sha256(content).hexdigest()}"


async def add(
    stage: Stage, release_id: str, content: bytes = PNG, caller: Headers | None = None, **headers: str
) -> httpx.Response:
    named = {"Content-Type": "image/png", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await stage.api.put(path_of(release_id), content=content, headers=(caller or stage.reviewer) | named)


async def read(stage: Stage, release_id: str, caller: Headers, content: bytes = PNG) -> httpx.Response:
    return await stage.api.get(path_of(release_id, content), headers=caller)


def citing(*contents: bytes) -> Json:
    files = [hashlib.sha256(content).hexdigest() for content in contents]
    return {"reasons": [REASONS[0] | {"files": files}]}


async def test_a_screenshot_goes_to_the_team_with_the_rejection(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    added = await add(stage, release_id)
    assert added.status_code == 200, added.text
    digest = hashlib.sha256(PNG).hexdigest()
    assert added.json() == {"sha256": digest, "media_type": "image/png", "size_bytes": len(PNG)}
    assert outcome(await read(stage, release_id, stage.team)) == (404, "not_found")  # nothing is decided yet
    assert (await read(stage, release_id, stage.reviewer)).content == PNG
    rejected = await stage.step(release_id, "reject", body=citing(PNG))
    assert rejected.json()["reviews"][-1]["reasons"][0]["files"] == [digest]
    answer = await read(stage, release_id, stage.team)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")


async def test_nobody_else_reads_it(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    await add(stage, release_id)
    await stage.step(release_id, "reject", body=citing(PNG))
    near = stage.tokens.staff("reviewer", organisation_id=new_id(), division_code=KUYTUN)
    for caller in (stage.team_of(KUYTUN), near):
        assert outcome(await read(stage, release_id, caller)) == (404, "not_found")
    for caller in (stage.tokens.resident(), stage.operator):
        assert outcome(await read(stage, release_id, caller)) == (403, "not_allowed")


async def test_a_file_of_another_review_or_of_none_is_not_cited(stage: Stage) -> None:
    first, second = await submitted(stage, "甲应用"), await submitted(stage, "乙应用")
    await add(stage, first)
    assert outcome(await stage.step(second, "reject", body=citing(PNG))) == (422, "unknown_review_file")
    assert await stage.status(second) == "submitted"
    assert outcome(await read(stage, second, stage.reviewer)) == (404, "not_found")


@pytest.mark.parametrize("step", ["approve", "withdraw", "reject"])
async def test_what_no_reason_cites_is_deleted_with_the_decision(stage: Stage, step: str) -> None:
    release_id = await submitted(stage, "停车泊位")
    await add(stage, release_id)
    assert (await stage.step(release_id, step)).status_code == 200
    assert outcome(await read(stage, release_id, stage.reviewer)) == (404, "not_found")
    assert outcome(await add(stage, release_id)) == (409, "illegal_move")


async def test_a_later_submission_has_files_of_its_own(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    await add(stage, release_id)
    await stage.step(release_id, "reject", body=citing(PNG))
    await stage.step(release_id, "submit")
    assert outcome(await stage.step(release_id, "reject", body=citing(PNG))) == (422, "unknown_review_file")
    assert (await read(stage, release_id, stage.team)).content == PNG


async def test_only_who_may_decide_adds_files(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    own = stage.person(("reviewer", stage.team_organisation, PREFECTURE))
    assert outcome(await add(stage, release_id, caller=own)) == (403, "own_organisation")
    assert outcome(await add(stage, release_id, caller=stage.team)) == (403, "not_allowed")
    other = stage.tokens.staff("reviewer", organisation_id=new_id(), division_code=PREFECTURE)
    assert (await stage.step(release_id, "claim", other)).status_code == 200
    assert outcome(await add(stage, release_id)) == (409, "review_claimed")
    assert outcome(await add(stage, str(new_id()))) == (404, "not_found")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "document_unknown"),
        (b"<html><script>1</script></html>", "document_unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "document_unknown"),
        (PNG + b"<script>", "document_ambiguous"),
        (PNG[:40], "document_damaged"),
    ],
)
async def test_what_is_no_picture_and_no_pdf_is_refused(stage: Stage, content: bytes, code: str) -> None:
    assert outcome(await add(stage, await submitted(stage, "停车泊位"), content)) == (422, code)


async def test_too_large_a_file_and_a_changed_one_are_refused(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    assert outcome(await add(stage, release_id, bytes(MAX_BYTES + 1)))[0] == 413
    wrong = await add(stage, release_id, Content_Digest="sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:")
    assert outcome(wrong) == (400, "digest_mismatch")


async def test_a_review_has_a_bounded_number_of_files(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    for number in range(MOST_FILES):
        assert (await add(stage, release_id, png(number))).status_code == 200
    assert outcome(await add(stage, release_id, png(MOST_FILES))) == (409, "too_many_review_files")
    assert (await add(stage, release_id, png(0))).status_code == 200  # it is there already
