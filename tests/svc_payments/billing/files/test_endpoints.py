"""Endpoints of bill files: access, refusals, and reports."""

import csv
import gzip
import io
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE as WORKBOOK
from tests.svc_payments.billing.files.files import counts, file_of, row, upload, uploader
from tests.svc_payments.conftest import approved_provider

URL = "/payments/v1/bill-files"


async def test_only_a_providers_system_may_upload(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    content = file_of(row("W-1"))
    callers = [{}, tokens.resident(), tokens.staff("operator"), tokens.client(provider_id, "tariffs:write")]
    statuses = [(await upload(api, caller, content)).status_code for caller in callers]
    assert statuses == [401, 403, 403, 403]


@pytest.mark.parametrize(
    ("content", "charset", "more", "status", "code"),
    [
        (b"", "utf-8", {}, 422, "empty_file"),
        (b"a,b,c\n1,2,3\n", "utf-8", {}, 422, "wrong_header"),
        (b"\x00", "utf-8", {}, 422, "nul_character"),
        (b"\xff\xfea\x00", "utf-8", {}, 422, "wrong_charset"),
        (b"\x80\x80\x80\x80", "gb18030", {}, 422, "undecodable_bytes"),
        (b"a", "latin-1", {}, 415, "unsupported_media_type"),
        (b"a", "utf-8", {"Content_Type": "application/json"}, 415, "unsupported_media_type"),
        (b"a", "utf-8", {"Content_Encoding": "br"}, 415, "unsupported_content_encoding"),
        (gzip.compress(b"\n" * 10_000_001, mtime=0), "utf-8", {"Content_Encoding": "gzip"}, 422, "too_many_lines"),
        (gzip.compress(b"a" * 99, mtime=0)[:-3], "utf-8", {"Content_Encoding": "gzip"}, 400, "gzip_broken"),
        (b"a", "utf-8", {"Content_Length": "536870913"}, 413, "content_too_large"),
        (b"a", "utf-8", {"Repr_Digest": "sha-256=abc"}, 400, "bad_header"),
        (b"a", "utf-8", {"Content_Digest": f"sha-256=:{'A' * 43}=:"}, 400, "digest_mismatch"),
    ],
)
async def test_an_unreadable_file_is_refused_as_a_whole(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    content: bytes,
    charset: str,
    more: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = await upload(api, headers, content, charset=charset, **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_gzipped_file_is_ingested_like_the_plain_one(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    content = file_of(row("W-1"), row("W-2"))
    plain = await upload(api, headers, content)
    zipped = await upload(api, headers, gzip.compress(content.encode()), Content_Encoding="gzip")
    assert (counts(plain), counts(zipped)) == ({"accepted": 2}, {"unchanged": 2})
    assert plain.json()["sha256"] == zipped.json()["sha256"]


@pytest.mark.parametrize("name", ["a%00.csv", "a%0A.csv", "x" * 201, "a%5Cb.csv"])
async def test_odd_file_names_are_refused(api: httpx.AsyncClient, headers: dict[str, str], name: str) -> None:
    assert (await upload(api, headers, file_of(row("W-1")), name=name)).status_code == 422


async def test_a_report_can_be_read_again(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    report = (await upload(api, headers, file_of(row("W-1"), row("W-2", usage="x")))).json()
    assert (await api.get(f"{URL}/{report['bill_file_id']}", headers=headers)).json() == report


async def test_the_report_of_another_provider_is_not_found(
    api: httpx.AsyncClient, headers: dict[str, str], tokens: Tokens, database: Database
) -> None:
    report = (await upload(api, headers, file_of(row("W-1", usage="x")))).json()
    other = uploader(tokens, await approved_provider(database))
    for path in (f"{URL}/{report['bill_file_id']}", report["refused_rows_url"], f"{URL}/{new_id()}"):
        for accept in ("application/json", "text/csv"):
            answer = await api.get(path, headers=other | {"Accept": accept})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_refused_rows_are_paged(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    report = (await upload(api, headers, file_of(*(row(f"W-{n}", usage="x") for n in range(5))))).json()
    first = (await api.get(f"{report['refused_rows_url']}?limit=3", headers=headers)).json()
    second = (
        await api.get(f"{report['refused_rows_url']}?limit=3&cursor={first['next_cursor']}", headers=headers)
    ).json()
    assert [refused["row"] for refused in first["items"] + second["items"]] == [2, 3, 4, 5, 6]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "eyJhZnRlciI6ICI5OTk5OTk5OTk5OTk5OTkifQ", "eyJhZnRlciI6ICJ4In0"])
async def test_a_forged_cursor_is_refused(api: httpx.AsyncClient, headers: dict[str, str], cursor: str) -> None:
    report = (await upload(api, headers, file_of(row("W-1", usage="x")))).json()
    answer = await api.get(f"{report['refused_rows_url']}?cursor={cursor}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize(
    ("sent_as", "charset", "read_as"),
    [("utf-8", "utf-8", "utf-8"), ("utf-8-sig", "utf-8", "utf-8-sig"), ("gb18030", "gb18030", "gb18030")],
)
async def test_refused_rows_download_in_the_encoding_the_file_came_in(
    api: httpx.AsyncClient, headers: dict[str, str], sent_as: str, charset: str, read_as: str
) -> None:
    content = file_of(row("W-0"), row("账单，一"), *(row(f"W-{n}", usage="x") for n in range(2_500)))
    report = (await upload(api, headers, content.encode(sent_as), charset=charset, name="九月.csv")).json()
    answer = await api.get(report["refused_rows_url"], headers=headers | {"Accept": "text/csv"})
    assert answer.headers["content-type"] == f"text/csv; charset={charset}"
    assert "%E4%B9%9D%E6%9C%88.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith("\ufeff".encode() if sent_as == "utf-8-sig" else b"row,")
    table = list(csv.reader(io.StringIO(answer.content.decode(read_as))))
    assert table[0] == ["row", "bill_number", "reason", "message"]
    message = "账单编号应为 1 到 32 位字母、数字或连字符。请改正账单编号。"
    assert table[1] == ["3", "账单，一", "bad_bill_number", message]
    assert [line[0] for line in table[1:]] == [str(number) for number in range(3, 2_504)]


@pytest.mark.parametrize(("sent_as", "charset"), [("gb18030", "gb18030"), ("gb18030", "gbk"), ("utf-8-sig", "utf-8")])
async def test_refused_rows_keep_characters_of_every_length(
    api: httpx.AsyncClient, headers: dict[str, str], sent_as: str, charset: str
) -> None:
    # Of two and of four bytes in GB18030; none of the latter are in GBK or GB2312.
    numbers = ["伊犁", "ئىلى", "Іле", "𠮷", "😀", "é", "\ue000", "\ufeffW"]
    content = file_of(*(row(number) for number in numbers)).encode(sent_as)
    report = (await upload(api, headers, content, charset=charset)).json()
    answer = await api.get(report["refused_rows_url"], headers=headers | {"Accept": "text/csv"})
    table = list(csv.reader(io.StringIO(answer.content.decode(sent_as))))
    assert [line[1] for line in table[1:]] == numbers
    assert [refused["bill_number"] for refused in report["refused_rows"]] == numbers


async def test_a_downloaded_number_cannot_run_as_a_formula(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    dangerous = ["=1+1", "+1", "-1+1", "@SUM(A1)"]
    report = (await upload(api, headers, file_of(*(row(number) for number in dangerous)))).json()
    answer = await api.get(report["refused_rows_url"], headers=headers | {"Accept": "text/csv"})
    shown = [line[1] for line in csv.reader(io.StringIO(answer.text))][1:]
    assert shown == [f"'{number}" for number in dangerous]
    assert [refused["bill_number"] for refused in report["refused_rows"]] == dangerous


@pytest.mark.parametrize(
    ("name", "accept", "downloaded"),
    [
        ("2026-09.csv", "text/csv", "2026-09.csv"),
        ("2026-09.CSV", f"text/csv;q=0, {WORKBOOK}", "2026-09.xlsx"),
        ("2026-09.xlsx", "text/csv;q=0.5", "2026-09.csv"),
        ("2026.09", "Text/CSV", "2026.09.csv"),
        ("bills.exe", WORKBOOK, "bills.exe.xlsx"),
    ],
)
async def test_a_download_is_named_after_what_it_is(
    api: httpx.AsyncClient, headers: dict[str, str], name: str, accept: str, downloaded: str
) -> None:
    report = (await upload(api, headers, file_of(row("W-1", usage="x")), name=name)).json()
    answer = await api.get(report["refused_rows_url"], headers=headers | {"Accept": accept})
    assert answer.headers["content-disposition"].endswith(f"''refused-rows-of-{downloaded}")


async def test_what_a_client_does_not_accept_is_not_sent(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    report = (await upload(api, headers, file_of(row("W-1", usage="x")))).json()
    answer = await api.get(report["refused_rows_url"], headers=headers | {"Accept": "text/csv;q=0, application/json"})
    assert answer.headers["content-type"] == "application/json"
