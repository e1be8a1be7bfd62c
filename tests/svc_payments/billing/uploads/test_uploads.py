"""A bill file in several requests: how it is resumed, what is refused, and that it is then a file like any other."""

import gzip
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE
from svc_payments.billing.uploads import service
from svc_payments.billing.uploads.models import BillFileUpload, UploadPart
from tests.svc_payments.billing.files.files import counts, reasons, upload, uploader
from tests.svc_payments.billing.files.workbooks import cells, workbook
from tests.svc_payments.billing.uploads.contents import CONTENT, HALF, count
from tests.svc_payments.billing.uploads.uploads import UploadClient, code_of, digest
from tests.svc_payments.conftest import approved_provider


async def test_a_file_in_pieces_is_ingested_like_one_in_a_single_request(
    client: UploadClient, database: Database, provider_id: UUID
) -> None:
    session = await client.started(CONTENT[:10], Upload_Length=str(len(CONTENT)), Repr_Digest=digest(CONTENT))
    middle = await session.append(CONTENT[10:HALF], 10, Content_Digest=digest(CONTENT[10:HALF]))
    assert (middle.status_code, middle.headers["upload-offset"]) == (204, str(HALF))
    assert middle.headers["upload-complete"] == "?0"
    last = await session.append(CONTENT[HALF:], HALF, complete=True)
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


async def test_the_offset_tells_where_to_resume(client: UploadClient) -> None:
    session = await client.started(Upload_Length=str(len(CONTENT)))
    assert await session.offset() == 0
    appended = await session.append(CONTENT[:HALF], 0)
    assert appended.status_code == 204, appended.text
    answer = await session.head()
    offsets = {name: answer.headers[name] for name in ("upload-offset", "upload-complete", "upload-length")}
    assert offsets == {"upload-offset": str(HALF), "upload-complete": "?0", "upload-length": str(len(CONTENT))}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-limit"].startswith("max-size=536870912, max-append-size=536870912, max-age=86")
    state = await session.state()
    assert (state["status"], state["received_bytes"], state["report"]) == ("receiving", HALF, None)


async def test_the_state_of_a_finished_upload_has_its_report(client: UploadClient) -> None:
    session = await client.started(CONTENT)
    report = (await session.append(b"", len(CONTENT), complete=True)).json()
    state = await session.state()
    assert (state["status"], state["report"], state["problem"]) == ("taken_in", report, None)
    answer = await session.head()
    assert (answer.headers["upload-complete"], answer.headers["upload-offset"]) == ("?1", str(len(CONTENT)))
    listed = (await client.api.get("/payments/v1/bill-file-uploads", headers=client.headers)).json()["items"]
    assert [each["upload_id"] for each in listed] == [state["upload_id"]]


async def test_a_repeated_last_request_returns_the_same_report(client: UploadClient, database: Database) -> None:
    session = await client.started(CONTENT)
    first = await session.append(b"", len(CONTENT), complete=True)
    second = await session.append(b"", len(CONTENT), complete=True)
    assert first.json() == second.json()
    assert await count(database, Bill) == 50
    more = await session.append(b"more", len(CONTENT), complete=True)
    assert code_of(more) == (409, "upload_length_mismatch")


@pytest.mark.parametrize("offset", [0, HALF - 1, HALF + 1, 10**12])
async def test_a_wrong_offset_is_refused_with_the_right_one(client: UploadClient, offset: int) -> None:
    session = await client.started(CONTENT[:HALF])
    answer = await session.append(CONTENT[HALF:], offset, complete=True)
    assert code_of(answer) == (409, "upload_offset_mismatch")
    assert (answer.headers["upload-offset"], answer.headers["upload-complete"]) == (str(HALF), "?0")
    assert counts(await session.append(CONTENT[HALF:], HALF, complete=True))["accepted"] == 50


@pytest.mark.parametrize(
    ("sent", "code"),
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
async def test_an_append_with_faulty_headers_is_refused(
    client: UploadClient, sent: dict[str, str], code: tuple[int, str]
) -> None:
    session = await client.started(CONTENT[:HALF])
    assert code_of(await session.append(CONTENT[HALF:], HALF, complete=True, **sent)) == code
    assert await session.offset() == HALF


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"Upload_Length": str(513 * 1024 * 1024)}, (413, "content_too_large")),
        ({"Upload_Length": "many"}, (400, "bad_header")),
        ({"Upload_Complete": "no"}, (400, "bad_header")),
        ({"Content_Type": "application/json"}, (415, "unsupported_media_type")),
        ({"Content_Encoding": "br"}, (415, "unsupported_content_encoding")),
        ({"Repr_Digest": "sha-256=:?:"}, (400, "bad_header")),
    ],
)
async def test_an_upload_that_cannot_be_ingested_is_not_started(
    client: UploadClient, database: Database, sent: dict[str, str], code: tuple[int, str]
) -> None:
    assert code_of(await client.start(CONTENT[:HALF], **sent)) == code
    assert await count(database, BillFileUpload) == 0


async def test_bytes_changed_in_transit_are_not_stored(client: UploadClient, database: Database) -> None:
    session = await client.started(CONTENT[:HALF])
    answer = await session.append(CONTENT[HALF:].replace(b"W-4", b"W-5"), HALF, Content_Digest=digest(CONTENT[HALF:]))
    assert code_of(answer) == (400, "digest_mismatch")
    assert await session.offset() == HALF
    last = await session.append(CONTENT[HALF:], HALF, complete=True, Content_Digest=digest(CONTENT[HALF:]))
    assert counts(last)["accepted"] == 50


async def test_a_file_with_another_digest_is_refused_as_a_whole(client: UploadClient, database: Database) -> None:
    session = await client.started(Repr_Digest=f"md5=:AAAA:, {digest(CONTENT)}")
    answer = await session.append(CONTENT.replace(b"W-4", b"W-5"), 0, complete=True)
    assert (code_of(answer), answer.headers["upload-complete"]) == ((400, "digest_mismatch"), "?1")
    assert [await count(database, table) for table in (Bill, UploadPart)] == [0, 0]
    again = await session.append(b"", len(CONTENT), complete=True)
    assert again.json()["code"] == "digest_mismatch"
    state = await session.state()
    assert (state["status"], state["problem"]["code"]) == ("refused", "digest_mismatch")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"", 422, "empty_file"), (b"a,b\n", 422, "wrong_header"), (b"\xff\xff\xff\xff", 422, "undecodable_bytes")],
)
async def test_a_refused_file_stays_refused(client: UploadClient, content: bytes, status: int, code: str) -> None:
    session = await client.started(content)
    for _ in range(2):
        answer = await session.append(b"", len(content), complete=True)
        assert (code_of(answer), answer.headers["upload-complete"]) == ((status, code), "?1")
    problem = (await session.state())["problem"]
    assert {name: problem[name] for name in problem} == {
        name: value for name, value in answer.json().items() if name != "instance"
    }


async def test_the_digest_of_a_single_request_is_checked_too(client: UploadClient, database: Database) -> None:
    answer = await upload(client.api, client.headers, CONTENT, Repr_Digest=digest(CONTENT[1:]))
    assert code_of(answer) == (400, "digest_mismatch")
    assert await count(database, Bill) == 0
    assert counts(await upload(client.api, client.headers, CONTENT, Repr_Digest=digest(CONTENT)))["accepted"] == 50
    whole = await upload(client.api, client.headers, CONTENT, Upload_Complete="?1")
    assert counts(whole)["unchanged"] == 50


@pytest.mark.parametrize("cut", [1, 200])
async def test_gzip_and_workbooks_may_be_cut_anywhere(client: UploadClient, cut: int) -> None:
    zipped = gzip.compress(CONTENT)
    book = workbook(*(cells(f"W-{n}") for n in range(50)))
    for content, sent in ((zipped, {"Content_Encoding": "gzip"}), (book, {"Content_Type": MEDIA_TYPE})):
        session = await client.started(content[:cut], Repr_Digest=digest(content), **sent)
        answer = await session.append(content[cut:], cut, complete=True)
        assert sum(counts(answer).values()) >= 50


async def test_an_upload_is_visible_to_its_provider_only(
    client: UploadClient, tokens: Tokens, database: Database
) -> None:
    session = await client.started(CONTENT[:HALF])
    others = UploadClient(client.api, uploader(tokens, await approved_provider(database)), session.url)
    missing = UploadClient(client.api, client.headers, f"/payments/v1/bill-file-uploads/{new_id()}")
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
    assert await session.offset() == HALF
    for caller in ({}, tokens.staff("operator"), tokens.resident()):
        answer = await UploadClient(client.api, caller, session.url).append(CONTENT[HALF:], HALF)
        assert answer.status_code in {401, 403}


async def test_an_upload_can_be_cancelled(client: UploadClient, database: Database) -> None:
    session = await client.started(CONTENT[:HALF])
    answer = await client.api.delete(session.url, headers=client.headers)
    assert answer.status_code == 204
    assert [await count(database, table) for table in (BillFileUpload, UploadPart)] == [0, 0]
    assert (await session.head()).status_code == 404


async def test_unfinished_uploads_of_a_provider_are_limited(
    client: UploadClient, tokens: Tokens, database: Database
) -> None:
    started = [await client.started(CONTENT) for _ in range(service.MOST_UNFINISHED)]
    refused = await client.start()
    assert code_of(refused) == (429, "too_many_uploads")
    assert "retry-after" in refused.headers
    await UploadClient(client.api, uploader(tokens, await approved_provider(database))).started()
    await started[0].append(b"", len(CONTENT), complete=True)
    await client.started()


async def test_an_unknown_provider_is_told_to_retry(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await UploadClient(api, uploader(tokens, new_id())).start(CONTENT)
    assert code_of(answer) == (409, "provider_not_ready")
