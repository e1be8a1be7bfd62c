"""Posting statements over HTTP: read whole and in one way, or refused with the row; never in part, never a 500."""

import gzip
import io
import zipfile
from collections.abc import Mapping
from uuid import UUID

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import Tokens
from svc_payments.reconciliation.statements.layouts.provider import HEADER
from tests.svc_payments.settlement.bookings import DAY


def line(reference: str = "R-1", *, yuan: str = "33.75", at: str = f"{DAY} 10:00:00") -> str:
    return f"{new_id()},,B1,7470000015,{yuan},booked,{at},{reference}"


def file_of(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return archive.getvalue()


def locked(archive: bytes) -> bytes:
    """As a program that encrypts marks it, in the header and in the directory."""
    flagged = bytearray(archive)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        flagged[archive.index(mark) + place] |= 1
    return bytes(flagged)


async def upload(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, content: bytes) -> httpx.Response:
    headers = tokens.client(provider_id, "bills:write") | {"Content-Type": "text/csv"}
    return await api.put(f"/payments/v1/posting-statements/{DAY}", content=content, headers=headers)


ONE = file_of(line(), "total,1,33.75")
OTHER = file_of(line(), line(), "total,2,67.50")


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        (file_of(line('"R1'), line(), line(), "total,3,101.25"), "unclosed_quote", 2),
        (file_of(line('"R1'), line(), line('R1"'), "total,3,101.25"), "unclosed_quote", 2),
        (file_of(line('"R" 1'), "total,1,33.75"), "misplaced_quote", 2),
        (file_of(line(), "total,1,33.75", line()), "statement_malformed", 4),
        (file_of(line(), "total,1,33.75") + OTHER, "statement_malformed", 4),
        (file_of(line(), HEADER, line()), "statement_malformed", 3),
        (file_of(line(), "total,1,33.75,more"), "statement_malformed", 3),
        (file_of(line(), f"total,{'9' * 5_000},33.75"), "statement_malformed", 3),
        (ONE.replace(b",reference", b",reference,amount"), "statement_malformed", 1),
        (file_of(line(at=f"{DAY}T10:00:00+16:00")), "statement_malformed", 2),
        (file_of(line(at=f"{DAY}T10:00:00-23:59")), "statement_malformed", 2),
        (file_of(line(at=f"{DAY}T10:00:00+08:60")), "statement_malformed", 2),
        (file_of(line(at=f"{DAY} 10:00:00 +08:00")), "statement_malformed", 2),
        (file_of(line(at=f"{DAY}")), "statement_malformed", 2),
        (file_of(line(at="2026-W48-6")), "statement_malformed", 2),
        (ONE.replace(b",reference", b",reference,AMOUNT"), "statement_malformed", 1),
        (ONE.decode().replace(",reference", ",reference,ａｍｏｕｎｔ").encode(), "statement_malformed", 1),
        (file_of(line(at="0001-01-01T00:00:00+08:00")), "statement_malformed", 2),
        (file_of(line(at="9999-12-31T23:59:59-08:00")), "statement_malformed", 2),
        (file_of("x" * 200_000), "statement_malformed", 2),
        (line().encode() + b"\n" + ONE, "statement_malformed", 1),
        (ONE.replace(b"R-1", b"R-1,x"), "statement_malformed", 2),
        (ONE.replace(b"R-1", b"R-1,,,0"), "statement_malformed", 2),
    ],
    ids=[
        "a_quote_never_closed",
        "a_quote_closed_by_another_rows",
        "text_after_a_quote",
        "a_row_after_the_total",
        "a_second_file_after_the_total",
        "a_second_header",
        "values_after_the_total",
        "a_count_of_5000_digits",
        "a_column_twice",
        "an_offset_of_16_hours",
        "an_offset_of_a_day",
        "an_offset_of_60_minutes",
        "a_space_before_the_offset",
        "a_bare_day",
        "a_week_date",
        "a_column_twice_in_capitals",
        "a_column_twice_in_full_width",
        "the_year_1",
        "the_year_9999",
        "a_line_longer_than_any",
        "a_row_above_the_header",
        "a_value_beyond_the_header",
        "a_value_far_beyond_the_header",
    ],
)
async def test_a_file_that_cannot_be_read_whole_is_refused_with_the_row(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, content: bytes, code: str, row: int
) -> None:
    answer = await upload(api, tokens, provider_id, content)
    assert (answer.status_code, answer.json()["code"], answer.json().get("row")) == (422, code, row)
    listed = await api.get("/payments/v1/statements", headers=tokens.client(provider_id, "bills:write"))
    assert listed.json()["items"] == []


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (gzip.compress(ONE) + bytes(512), 400, "gzip_broken"),
        (gzip.compress(ONE) + b"more", 400, "gzip_broken"),
        (gzip.compress(ONE)[:-4], 400, "gzip_broken"),
        (zipped({"a.csv": ONE, "b.csv": OTHER}), 422, "archive_unclear"),
        (zipped({"a.csv": ONE, "b.CSV": OTHER}), 422, "archive_unclear"),
        (zipped({"a.csv": ONE}) + zipped({"a.csv": OTHER}), 400, "zip_broken"),
        (zipped({"__MACOSX/._a.csv": ONE}), 400, "zip_broken"),
        (zipped({"a.csv": ONE})[:-30], 400, "zip_broken"),
        (zipped({}), 400, "zip_broken"),
        (zipped({"a.csv": ONE, "b.csv/": OTHER}), 400, "zip_broken"),
        (zipped({"a.csv": ONE, "__MACOSX/b.csv": OTHER}), 422, "archive_unclear"),
        (zipped({"a.txt_.csv": ONE}).replace(b"_", b"\0"), 400, "zip_broken"),
        (b"\n \n,,,\n", 422, "empty_file"),
        (gzip.compress(b""), 422, "empty_file"),
        (locked(zipped({"a.csv": ONE})), 400, "zip_broken"),
        (zipped({"[Content_Types].xml": b"x", "xl/workbook.xml": b"x"}), 422, "wrong_file_kind"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512), 422, "wrong_file_kind"),
        (b"Rar!\x1a\x07\x01\x00more", 422, "wrong_file_kind"),
        (ONE.replace(b"33.75,booked", b"33.75,\0booked"), 422, "nul_character"),
        (ONE.decode().encode("utf-16"), 422, "wrong_charset"),
        ("对账".encode("utf-16"), 422, "wrong_charset"),
        (ONE.replace(b"R-1", b"\xff\xff"), 422, "undecodable_bytes"),
    ],
    ids=[
        "gzip_padded_with_zeros",
        "gzip_with_more_behind_it",
        "gzip_cut",
        "zip_of_two",
        "zip_of_two_in_other_case",
        "two_zips",
        "zip_of_nothing",
        "zip_cut",
        "zip_without_files",
        "zip_with_a_folder_that_has_content",
        "zip_with_a_file_among_those_of_macos",
        "zip_with_a_name_that_ends_early",
        "blank_lines",
        "gzip_of_nothing",
        "zip_with_a_password",
        "workbook",
        "old_workbook",
        "rar",
        "nul",
        "utf_16",
        "utf_16_without_latin_letters",
        "no_text",
    ],
)
async def test_a_file_that_two_readers_would_unpack_differently_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, content: bytes, status: int, code: str
) -> None:
    answer = await upload(api, tokens, provider_id, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


GB18030_MARK = b"\x84\x31\x95\x33"
CHINESE = file_of(line("销账成功"), "total,1,33.75").decode()


@pytest.mark.parametrize(
    "content",
    [
        GB18030_MARK + CHINESE.encode("gb18030"),
        CHINESE.encode("utf-8-sig"),
        gzip.compress(GB18030_MARK + ONE),
        gzip.compress(ONE[:100]) + gzip.compress(ONE[100:]),
        zipped({"OCT.CSV": ONE}),
        zipped({"2026年10月.csv": ONE, "__MACOSX/._2026年10月.csv": b"\0\5\x16\7", ".DS_Store": b"\0"}),
        zipped({"._a.csv": b"\0\5\x16\7", "a.csv": ONE, "Thumbs.db": b"\0", "x/.DS_Store": b"\0"}),
        zipped({"十月/": b"", "十月/a.csv": ONE}),
        ONE.replace(b"\n", b"\r\n") + b"\r\n\r\n",
        ONE.replace(b"\n", b"\r"),
        f"某水务公司2026年10月对账单,,,\n制表日期,2026-10-02\n\n{ONE.decode()}".encode("gb18030"),
        ONE.replace(b"\n", b",,\n"),
        ONE.replace(b"R-1", b"R-1,,,"),
        ONE.replace(b"R-1", b'R-1,"", ,').replace(b"33.75\n", b"33.75,,,,,,,,,,\n"),
        ONE.replace(b"R-1", "R-1,　,".encode()),
        ONE.replace(b"R-1", b'"R-1"'),
        ONE.replace(b"total,1,33.75", b'"total", 1, 33.75,,,,,'),
    ],
    ids=[
        "gb18030_with_its_mark",
        "utf_8_with_its_mark",
        "gzip",
        "gzip_in_two_members",
        "capital_extension",
        "zip_made_on_macos",
        "zip_with_what_desktops_leave",
        "zip_with_a_folder",
        "dos_line_ends_and_blank_lines",
        "old_mac_line_ends",
        "titles_above_the_header",
        "commas_at_the_ends_of_rows",
        "commas_at_the_end_of_one_row",
        "quoted_nothing_at_the_end_of_a_row",
        "wide_blanks_at_the_end_of_a_row",
        "quoted",
        "total_filled_up",
    ],
)
async def test_a_whole_file_is_read_however_it_was_made(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, content: bytes
) -> None:
    answer = await upload(api, tokens, provider_id, content)
    assert (answer.status_code, answer.json()["lines"], answer.json()["in_fen"]) == (200, 1, 3375), answer.text


@pytest.mark.parametrize(
    ("language", "shown"), [("zh", "ZIP 文件"), ("en", "The ZIP file"), ("kk-Arab", "ZIP فايلى"), ("ug", "ZIP ھۆججىتى")]
)
async def test_a_damaged_zip_is_called_a_zip(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, language: str, shown: str
) -> None:
    headers = tokens.client(provider_id, "bills:write") | {"Accept-Language": language}
    answer = await api.put(f"/payments/v1/posting-statements/{DAY}", content=zipped({"a": ONE})[:-9], headers=headers)
    problem = answer.json()
    assert (problem["code"], "gzip" in problem["detail"]) == ("zip_broken", False)
    assert shown in problem["detail"]
