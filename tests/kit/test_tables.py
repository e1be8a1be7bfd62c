"""Tables as files: read back by libraries that are not ours, harmless, exact, and as small in memory as a block."""

import csv
import io
import os
import re
import tempfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from kit import tables
from kit.csv_text import Cell, Rows, csv_text, harmless
from kit.tables import Blocks, Sheet, csv_file, one_block, xlsx_file

HEADER = ("number", "amount")
FORMULAS = [
    *("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "\rx", "\nx"),
    *("＝1", "＋1", "－1", "＠A", "﹦1", "﹢1", "﹣1", "﹫A", "\u22121"),
    *(" =1", "\u3000＝1", "\u00a0=1", "\ufeff=1", "\u200b=1", "\x00=1", "\u202e=1", "\u0301=1"),
    '=HYPERLINK("https://x.example/?"&A1,"x")',
]
LOOKS_LIKE_NUMBERS = ["000123", "65400000131234567890", "1e5", "0x1F"]
EVERY_ALPHABET = ["伊犁", "ئىلى", "Іле", "𠮷", "😀", "é", "\ufeffW"]
A_TIME = datetime(2028, 2, 29, 23, 59, 1)  # noqa: DTZ001 - cells know no zone


async def blocks(*rows: Rows) -> AsyncIterator[Rows]:
    for block in rows:
        yield block


async def content_of(rows: Blocks, encoding: str = "utf-8-sig") -> bytes:
    return b"".join([piece async for piece in csv_file(HEADER, rows, encoding)])


def read(content: bytes, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))


async def book_of(*sheets: Sheet) -> bytes:
    return b"".join(await xlsx_file(*sheets))


async def cells_of(*rows: list[Cell]) -> list[list[Any]]:
    content = await book_of(Sheet("rows", blocks(list(rows)), widths=(8, 8)))
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize(
    ("encoding", "begins"), [("utf-8", b"number,"), ("utf-8-sig", b"\xef\xbb\xbfnumber,"), ("gb18030", b"number,")]
)
async def test_a_csv_file_is_in_its_encoding_with_at_most_one_mark(encoding: str, begins: bytes) -> None:
    content = await content_of(blocks(*([[name, None]] for name in EVERY_ALPHABET)), encoding)
    assert content.startswith(begins)
    assert content.count(b"\xef\xbb\xbf") == (encoding == "utf-8-sig") + (encoding != "gb18030")  # one is a cell's own
    assert [row[0] for row in read(content, encoding)[1:]] == EVERY_ALPHABET


@pytest.mark.parametrize("text", FORMULAS)
async def test_text_in_a_csv_file_does_not_run(text: str) -> None:
    assert read(await content_of(one_block([[text, 1]])))[1:] == [[f"'{text}", "1"]]


@pytest.mark.parametrize("text", FORMULAS)
def test_nor_does_it_in_a_header_or_in_a_file_for_programs(text: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text([[text]]), newline=""))) == [[f"'{text}"]]


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BEGINNINGS = st.text(st.sampled_from("=+-@＝＋－＠﹦﹢﹣﹫\u2212 \u3000\t\r\n\u200b\ufeff'"), max_size=4)


@given(st.builds(str.__add__, BEGINNINGS, ANY_TEXT))
def test_no_text_is_lost_and_none_begins_like_a_formula(text: str) -> None:
    ((read_back, _),) = csv.reader(io.StringIO(csv_text([[text, "x"]]), newline=""))
    assert read_back in {text, f"'{text}"}
    seen = "".join(char for char in read_back if unicodedata.category(char)[0] not in "CMZ")
    assert unicodedata.normalize("NFKC", seen[:1])[:1] not in {*"=+-@\u2212"}
    assert not read_back.startswith(("\t", "\r", "\n"))
    assert (read_back == text) == (harmless(text) == text)


def test_nothing_else_writes_tables() -> None:
    root = Path(__file__).parents[2]
    writers = re.compile(r"csv\.(?:Dict)?[wW]riter\(|import xlsxwriter|from xlsxwriter")
    rooms = ("chassis", "kit", "gateway", "svc_identity", "svc_services", "svc_payments", "svc_miniapps", "deploy")
    files = [file for room in rooms for file in (root / room).rglob("*.py") if writers.search(file.read_text("utf-8"))]
    assert {file.name for file in files} == {"csv_text.py", "tables.py"}
    assert {file.parent for file in files} == {root / "kit"}


async def test_text_in_a_workbook_is_neither_formula_nor_link() -> None:
    dangerous = [*FORMULAS, "{=1+1}", "https://x.example", "mailto:x@x.example"]
    content = await book_of(Sheet("rows", one_block([[text] for text in dangerous]), widths=(8,)))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    assert (b"<f" in sheet, b"hyperlink" in sheet) == (False, False)
    shown = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in shown] == dangerous


@pytest.mark.parametrize("text", LOOKS_LIKE_NUMBERS)
async def test_text_that_looks_like_a_number_stays_text(text: str) -> None:
    assert await cells_of([text, "x"]) == [[text, "x"]]
    assert read(await content_of(one_block([[text, "x"]])))[1:] == [[text, "x"]]


async def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_text() -> None:
    assert await cells_of([10**15 - 1, 10**15], [-(10**15) + 1, -(10**15)]) == [
        [10**15 - 1, "1000000000000000"],
        [-(10**15) + 1, "-1000000000000000"],
    ]


async def test_amounts_are_numbers_with_two_places_also_below_zero() -> None:
    amounts: list[Cell] = [Decimal("-1234.5"), Decimal("0.10")]
    assert await cells_of(amounts) == [[-1234.5, 0.1]]
    assert read(await content_of(one_block([amounts])))[1:] == [["-1234.50", "0.10"]]
    content = await book_of(Sheet("rows", one_block([amounts]), widths=(8,)))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert b'formatCode="#,##0.00"' in book.read("xl/styles.xml") or b'numFmtId="4"' in book.read("xl/styles.xml")


async def test_times_and_empty_cells_are_the_same_in_both() -> None:
    assert await cells_of([A_TIME, "x"], [None, "x"], ["", "x"]) == [[A_TIME, "x"], ["", "x"], ["", "x"]]
    table = read(await content_of(one_block([[A_TIME, None], ["", 7]])))
    assert table == [["number", "amount"], ["2028-02-29 23:59:01", ""], ["", "7"]]


async def test_sheets_stand_in_their_order_with_headers_that_stay_in_view() -> None:
    figures = Sheet("汇总", one_block([["应付", Decimal("1.50")]]), widths=(24, 24), labelled=True)
    lines = Sheet("明细", blocks([["a", 1]], [["b", 2]]), widths=(18, 18), header=HEADER, right_to_left=True)
    content = await book_of(figures, lines)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["汇总", "明细"]
    assert book.get_sheet_by_name("汇总").to_python() == [["应付", 1.5]]
    assert book.get_sheet_by_name("明细").to_python() == [["number", "amount"], ["a", 1], ["b", 2]]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        first, second = (archive.read(f"xl/worksheets/sheet{number}.xml") for number in (1, 2))
    assert (b'rightToLeft="1"' in first, b"<pane " in first) == (False, False)
    assert (b'rightToLeft="1"' in second, b'<pane ySplit="1"' in second) == (True, True)


async def test_rows_beyond_the_end_of_a_sheet_stand_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ROWS_OF_SHEET", 3)
    rows: list[list[Cell]] = [[str(number), number] for number in range(5)]
    content = await book_of(Sheet("x" * 31, blocks(rows[:3], rows[3:]), widths=(8,), header=HEADER))
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["x" * 31, "x" * 27 + " (2)", "x" * 27 + " (3)"]
    read_back = [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()]
    assert [row for row in read_back if row != list(HEADER)] == rows
    assert read_back.count(list(HEADER)) == 3


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
async def test_a_large_table_takes_no_more_memory_than_a_small_one(suffix: str) -> None:
    async def many(count: int) -> AsyncIterator[Rows]:
        for block in range(count):
            yield [[f"{block:06}-{number:06}", "伊犁" * 20, Decimal(number)] for number in range(200)]

    async def peak(count: int) -> int:
        tracemalloc.start()
        if suffix == "csv":
            async for _ in csv_file(HEADER, many(count)):
                pass
        else:
            for _ in await xlsx_file(Sheet("rows", many(count), widths=(8, 8, 8))):
                pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await peak(1)
    few, lots = await peak(5), await peak(50)
    assert lots < few + 1_000_000


async def test_a_failure_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def failing() -> AsyncIterator[Rows]:
        yield [["a", 1]]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await xlsx_file(Sheet("rows", failing(), widths=(8,)))
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's is refused here as blocking
