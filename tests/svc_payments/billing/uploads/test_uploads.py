"""A bill file in several requests: where it goes on, what is refused, and that it then is a file like any other."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text, update

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted
from kit.uploads.refusals import UploadOffsetMismatch
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE
from svc_payments.billing.uploads import service
from svc_payments.billing.uploads.models import BillFileUpload, UploadPart
from svc_payments.billing.uploads.worker import finish_left, forget_old
from svc_payments.settings import Settings
from tests.svc_payments.billing.files.files import counts, file_of, reasons, row, upload, uploader
from tests.svc_payments.billing.files.workbooks import cells, workbook
from tests.svc_payments.billing.uploads.uploads import Uploading, code_of, digest
from tests.svc_payments.conftest import approved_provider

CONTENT = file_of(*(row(f"W-{n}") for n in range(50)), row("伊犁", usage="x")).encode()
HALF = len(CONTENT) // 2


async def count(database: Database, table: Any) -> int:  # noqa: ANN401 - any mapped class
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(table)) or 0


async def test_a_file_in_pieces_is_taken_in_like_one_in_a_single_request(
    client: Uploading, database: Database, provider_id: UUID
) -> None:
    going = await client.begun(CONTENT[:10], Upload_Length=str(len(CONTENT)), Repr_Digest=digest(CONTENT))
    middle = await going.append(CONTENT[10:HALF], 10, Content_Digest=digest(CONTENT[10:HALF]))
    assert (middle.status_code, middle.headers["upload-offset"]) == (204, str(HALF))
    assert middle.headers["upload-complete"] == "?0"
    last = await going.append(CONTENT[HALF:], HALF, complete=True)
    assert counts(last) == {"accepted": 50, "refused": 1}
    assert reasons(last) == [(52, "bad_bill_number")]
    assert last.headers["upload-complete"] == "?1"
    assert last.json()["file_name"] == "2026-09.csv"
    again = await upload(client.api, client.headers, CONTENT)
    assert counts(again) == {"unchanged": 50, "refused": 1}
    assert again.json()["sha256"] == last.json()["sha256"]
    async with database.read() as tx:
        ingested = [event.data for event in await emitted(tx) if event.type.endswith("bill_file.ingested.v1")]
    assert [event["provider_id"] for event in ingested] == [str(provider_id)] * 2
    assert await count(database, UploadPart) == 0


async def test_a_client_is_told_where_to_go_on(client: Uploading) -> None:
    going = await client.begun(Upload_Length=str(len(CONTENT)))
    assert await going.offset() == 0
    appended = await going.append(CONTENT[:HALF], 0)
    assert appended.status_code == 204, appended.text
    answer = await going.head()
    told = {name: answer.headers[name] for name in ("upload-offset", "upload-complete", "upload-length")}
    assert told == {"upload-offset": str(HALF), "upload-complete": "?0", "upload-length": str(len(CONTENT))}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-limit"].startswith("max-size=536870912, max-append-size=536870912, max-age=86")
    state = await going.state()
    assert (state["status"], state["received_bytes"], state["report"]) == ("receiving", HALF, None)


async def test_the_state_of_a_finished_upload_has_its_report(client: Uploading) -> None:
    going = await client.begun(CONTENT)
    report = (await going.append(b"", len(CONTENT), complete=True)).json()
    state = await going.state()
    assert (state["status"], state["report"], state["problem"]) == ("taken_in", report, None)
    answer = await going.head()
    assert (answer.headers["upload-complete"], answer.headers["upload-offset"]) == ("?1", str(len(CONTENT)))
    listed = (await client.api.get("/payments/v1/bill-file-uploads", headers=client.headers)).json()["items"]
    assert [each["upload_id"] for each in listed] == [state["upload_id"]]


async def test_the_last_request_again_gives_the_same_report_and_changes_nothing(
    client: Uploading, database: Database
) -> None:
    going = await client.begun(CONTENT)
    first = await going.append(b"", len(CONTENT), complete=True)
    second = await going.append(b"", len(CONTENT), complete=True)
    assert first.json() == second.json()
    assert await count(database, Bill) == 50
    more = await going.append(b"more", len(CONTENT), complete=True)
    assert code_of(more) == (409, "upload_length_mismatch")


@pytest.mark.parametrize("offset", [0, HALF - 1, HALF + 1, 10**12])
async def test_bytes_from_another_place_are_refused_with_the_right_one(client: Uploading, offset: int) -> None:
    going = await client.begun(CONTENT[:HALF])
    answer = await going.append(CONTENT[HALF:], offset, complete=True)
    assert code_of(answer) == (409, "upload_offset_mismatch")
    assert (answer.headers["upload-offset"], answer.headers["upload-complete"]) == (str(HALF), "?0")
    assert counts(await going.append(CONTENT[HALF:], HALF, complete=True))["accepted"] == 50


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"Upload_Offset": ""}, (400, "bad_header")),
        ({"Upload_Offset": "-1"}, (400, "bad_header")),
        ({"Upload_Offset": "1.0"}, (400, "bad_header")),
        ({"Upload_Complete": "true"}, (400, "bad_header")),
        ({"Content_Digest": "sha-256=:AAAA:"}, (400, "bad_header")),
        ({"Content_Type": "text/csv"}, (415, "unsupported_media_type")),
        ({"Upload_Length": "5"}, (409, "upload_length_mismatch")),
    ],
)
async def test_a_request_that_does_not_say_what_it_is_is_refused(
    client: Uploading, said: dict[str, str], code: tuple[int, str]
) -> None:
    going = await client.begun(CONTENT[:HALF])
    assert code_of(await going.append(CONTENT[HALF:], HALF, complete=True, **said)) == code
    assert await going.offset() == HALF


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"Upload_Length": str(513 * 1024 * 1024)}, (413, "content_too_large")),
        ({"Upload_Length": "many"}, (400, "bad_header")),
        ({"Upload_Complete": "no"}, (400, "bad_header")),
        ({"Content_Type": "application/json"}, (415, "unsupported_media_type")),
        ({"Content_Encoding": "br"}, (415, "unsupported_content_encoding")),
        ({"Repr_Digest": "sha-256=:?:"}, (201, "")),
    ],
)
async def test_what_could_not_be_taken_in_is_not_begun(
    client: Uploading, database: Database, said: dict[str, str], code: tuple[int, str]
) -> None:
    answer = await client.begin(CONTENT[:HALF], **said)
    assert answer.status_code == code[0]
    if code[1]:
        assert answer.json()["code"] == code[1]
        assert await count(database, BillFileUpload) == 0


async def test_bytes_that_were_changed_on_their_way_are_not_kept(client: Uploading, database: Database) -> None:
    going = await client.begun(CONTENT[:HALF])
    answer = await going.append(CONTENT[HALF:].replace(b"W-4", b"W-5"), HALF, Content_Digest=digest(CONTENT[HALF:]))
    assert code_of(answer) == (400, "digest_mismatch")
    assert await going.offset() == HALF
    last = await going.append(CONTENT[HALF:], HALF, complete=True, Content_Digest=digest(CONTENT[HALF:]))
    assert counts(last)["accepted"] == 50


async def test_a_file_that_is_not_the_announced_one_is_refused_as_a_whole(
    client: Uploading, database: Database
) -> None:
    going = await client.begun(Repr_Digest=f"md5=:AAAA:, {digest(CONTENT)}")
    answer = await going.append(CONTENT.replace(b"W-4", b"W-5"), 0, complete=True)
    assert (code_of(answer), answer.headers["upload-complete"]) == ((400, "digest_mismatch"), "?1")
    assert [await count(database, table) for table in (Bill, UploadPart)] == [0, 0]
    again = await going.append(b"", len(CONTENT), complete=True)
    assert again.json()["code"] == "digest_mismatch"
    state = await going.state()
    assert (state["status"], state["problem"]["code"]) == ("refused", "digest_mismatch")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"", 422, "empty_file"), (b"a,b\n", 422, "wrong_header"), (b"\xff\xff\xff\xff", 422, "undecodable_bytes")],
)
async def test_a_file_that_is_refused_as_a_whole_stays_refused(
    client: Uploading, content: bytes, status: int, code: str
) -> None:
    going = await client.begun(content)
    for _ in range(2):
        answer = await going.append(b"", len(content), complete=True)
        assert (code_of(answer), answer.headers["upload-complete"]) == ((status, code), "?1")
    problem = (await going.state())["problem"]
    assert {name: problem[name] for name in problem} == {
        name: value for name, value in answer.json().items() if name != "instance"
    }


async def test_the_digest_of_a_single_request_is_checked_too(client: Uploading, database: Database) -> None:
    answer = await upload(client.api, client.headers, CONTENT, Repr_Digest=digest(CONTENT[1:]))
    assert code_of(answer) == (400, "digest_mismatch")
    assert await count(database, Bill) == 0
    assert counts(await upload(client.api, client.headers, CONTENT, Repr_Digest=digest(CONTENT)))["accepted"] == 50
    whole = await upload(client.api, client.headers, CONTENT, Upload_Complete="?1")
    assert counts(whole)["unchanged"] == 50


@pytest.mark.parametrize("cut", [1, 200])
async def test_gzip_and_workbooks_are_cut_anywhere(client: Uploading, cut: int) -> None:
    zipped = gzip.compress(CONTENT)
    book = workbook(*(cells(f"W-{n}") for n in range(50)))
    for content, said in ((zipped, {"Content_Encoding": "gzip"}), (book, {"Content_Type": MEDIA_TYPE})):
        going = await client.begun(content[:cut], Repr_Digest=digest(content), **said)
        answer = await going.append(content[cut:], cut, complete=True)
        assert sum(counts(answer).values()) >= 50


async def test_of_two_requests_at_once_the_later_one_goes_on(client: Uploading, database: Database) -> None:
    going = await client.begun()
    held, released = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield CONTENT[:10]
        held.set()
        await released.wait()
        yield CONTENT[10:HALF]

    upload_id = UUID(going.url.rpartition("/")[2])
    async with database.read() as tx:
        provider = await service.own(tx, (await tx.scalars(select(BillFileUpload))).one().provider_id, upload_id)
    said = {"content-type": "application/partial-upload", "upload-offset": "0", "upload-complete": "?0"}
    earlier = asyncio.create_task(service.append(database, provider.provider_id, upload_id, said, slowly()))
    await held.wait()
    later = await going.append(CONTENT[:HALF], 0)
    assert later.status_code == 204
    released.set()
    with pytest.raises(UploadOffsetMismatch) as mismatch:
        await earlier
    assert mismatch.value.values == {"upload_offset": HALF}
    assert counts(await going.append(CONTENT[HALF:], HALF, complete=True))["accepted"] == 50


async def test_asking_for_the_offset_ends_a_request_that_hangs(client: Uploading, database: Database) -> None:
    going = await client.begun()
    offset = await going.offset()
    async with database.read() as tx:
        assert (await tx.scalars(select(BillFileUpload))).one().appender is None
    assert (await going.append(CONTENT[:HALF], offset)).status_code == 204


async def test_racing_clients_leave_one_whole_file(client: Uploading, database: Database) -> None:
    going = await client.begun(Repr_Digest=digest(CONTENT))

    async def send_all(patience: float) -> None:
        step = len(CONTENT) // 5 + 1
        for _ in range(60):
            answer = await going.head()
            if answer.headers["upload-complete"] == "?1":
                return
            offset = int(answer.headers["upload-offset"])
            piece = CONTENT[offset : offset + step]
            answer = await going.append(piece, offset, complete=offset + len(piece) == len(CONTENT))
            if answer.status_code == 409:  # who is refused gives way
                await asyncio.sleep(patience)

    await asyncio.gather(*(send_all(patience) for patience in (0, 0.5, 1.7)))
    await going.append(b"", len(CONTENT), complete=True)
    assert await count(database, Bill) == 50
    assert (await going.state())["status"] == "taken_in"


async def test_an_upload_is_its_providers_alone(client: Uploading, tokens: Tokens, database: Database) -> None:
    going = await client.begun(CONTENT[:HALF])
    others = Uploading(client.api, uploader(tokens, await approved_provider(database)), going.url)
    missing = Uploading(client.api, client.headers, f"/payments/v1/bill-file-uploads/{new_id()}")
    for stranger in (others, missing):
        answers = [
            await stranger.append(CONTENT[HALF:], HALF, complete=True),
            await client.api.get(stranger.url, headers=stranger.headers),
            await client.api.delete(stranger.url, headers=stranger.headers),
        ]
        assert [code_of(answer) for answer in answers] == [(404, "not_found")] * 3
        assert (await stranger.head()).status_code == 404
    listed = await client.api.get("/payments/v1/bill-file-uploads", headers=others.headers)
    assert listed.json()["items"] == []
    assert await going.offset() == HALF
    for caller in ({}, tokens.staff("operator"), tokens.resident()):
        answer = await Uploading(client.api, caller, going.url).append(CONTENT[HALF:], HALF)
        assert answer.status_code in {401, 403}


async def test_an_upload_can_be_given_up(client: Uploading, database: Database) -> None:
    going = await client.begun(CONTENT[:HALF])
    answer = await client.api.delete(going.url, headers=client.headers)
    assert answer.status_code == 204
    assert [await count(database, table) for table in (BillFileUpload, UploadPart)] == [0, 0]
    assert (await going.head()).status_code == 404


async def test_a_provider_has_so_many_unfinished_uploads_at_a_time(
    client: Uploading, tokens: Tokens, database: Database
) -> None:
    begun = [await client.begun(CONTENT) for _ in range(service.MOST_UNFINISHED)]
    refused = await client.begin()
    assert code_of(refused) == (429, "too_many_uploads")
    assert "retry-after" in refused.headers
    await Uploading(client.api, uploader(tokens, await approved_provider(database))).begun()
    await begun[0].append(b"", len(CONTENT), complete=True)
    await client.begun()


async def left_for(database: Database, seconds: int, **values: object) -> None:
    """All uploads as if nobody had touched them for so long."""
    past = func.now() - text(f"interval '{seconds} seconds'")
    async with database.transaction() as tx:
        await tx.execute(update(BillFileUpload).values(touched_at=past, **values))


async def test_an_abandoned_upload_is_forgotten_in_time(
    client: Uploading, database: Database, settings: Settings
) -> None:
    going = await client.begun(CONTENT[:HALF])

    async def kept_after(seconds: int) -> int:
        await left_for(database, seconds)
        await forget_old(database, settings)
        return await count(database, UploadPart)

    assert [await kept_after(86_300), await kept_after(86_500)] == [1, 0]
    assert (await going.head()).status_code == 404


async def test_what_a_crash_left_complete_is_taken_in_by_the_worker(client: Uploading, database: Database) -> None:
    going = await client.begun(CONTENT)
    await left_for(database, 60, status="received", length=len(CONTENT))
    await finish_left(database)
    state = await going.state()
    assert (state["status"], state["report"]["accepted"]) == ("taken_in", 50)


async def test_the_worker_leaves_alone_what_somebody_is_at(client: Uploading, database: Database) -> None:
    going = await client.begun(CONTENT)
    await left_for(database, 60, status="received", length=len(CONTENT))
    name = f"bill file upload {going.url.rpartition('/')[2]}"
    async with database.transaction() as tx:
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        await finish_left(database)
        answer = await going.append(b"", len(CONTENT), complete=True)
        assert code_of(answer) == (409, "upload_being_taken_in")
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.api.delete(going.url, headers=client.headers)).status_code == 409
        assert (await going.state())["status"] == "received"
    assert counts(await going.append(b"", len(CONTENT), complete=True))["accepted"] == 50


async def test_how_far_taking_in_is_can_be_read(
    client: Uploading, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svc_payments.billing.uploads.worker._TOLD_EVERY_ROWS", 10)
    going = await client.begun(CONTENT)
    await going.append(b"", len(CONTENT), complete=True)
    assert (await going.state())["rows_read"] == 51


async def test_a_provider_not_heard_of_yet_is_told_to_come_back(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await Uploading(api, uploader(tokens, new_id())).begin(CONTENT)
    assert code_of(answer) == (409, "provider_not_ready")
