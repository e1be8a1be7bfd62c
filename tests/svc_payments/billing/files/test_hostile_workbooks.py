"""Hostile workbooks are refused, at bounded cost."""

import io
import resource
import struct
import zipfile
from collections.abc import Callable

import pytest

from chassis.problems import Problem
from svc_payments.billing.files.refusals import WorkbookBroken, WorkbookTooLarge
from svc_payments.billing.files.workbooks import archive, sheet
from svc_payments.billing.files.workbooks.cells import Faults
from svc_payments.billing.files.workbooks.reader import write_lines
from svc_payments.billing.files.workbooks.styles import Form, styles_in
from tests.svc_payments.billing.files.files import HEADER
from tests.svc_payments.billing.files.workbooks import COLUMNS, MAIN, by_hand, cells, inline, workbook, zipped

HEAD = f"<row>{inline(*COLUMNS)}</row>"
GOOD = workbook(cells("W-1"), cells("W-2"))


def lines_of(content: bytes) -> tuple[list[str], Faults]:
    lines = io.BytesIO()
    faults = write_lines(io.BytesIO(content), lines)
    return lines.getvalue().decode().splitlines(), faults


def table(inside: str) -> bytes:
    return by_hand(f"<sheetData>{inside}</sheetData>")


def test_a_sound_workbook_becomes_lines() -> None:
    lines, faults = lines_of(GOOD)
    assert lines[0] == HEADER
    assert [line.partition(",")[0] for line in lines[1:]] == ["W-1", "W-2"]
    assert not faults


# Named ids: the length of a workbook depends on the second it is written in, and workers of pytest must agree.
@pytest.mark.parametrize(
    "end",
    [
        *(0, 1, 21, 22, 100),
        pytest.param(len(GOOD) // 2, id="half"),
        pytest.param(len(GOOD) - 1, id="all_but_one_byte"),
    ],
)
def test_a_truncated_workbook_is_refused(end: int) -> None:
    with pytest.raises(WorkbookBroken):
        lines_of(GOOD[:end])


@pytest.mark.parametrize(
    "content",
    [
        b"bill_number,account_number\n" * 100,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_096),  # .xls, and .xlsx with a password
        zipped({"readme.txt": b"no workbook"}),
        GOOD + b"\0",
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(WorkbookBroken):
        lines_of(content)


def test_any_damaged_byte_is_refused_or_changes_nothing() -> None:
    whole, _ = lines_of(GOOD)
    for place in range(0, len(GOOD), 13):
        damaged = bytearray(GOOD)
        damaged[place] ^= 0x55
        try:
            lines, _ = lines_of(bytes(damaged))
        except Problem:
            continue
        assert lines == whole


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_UNPACKED", 10_000_000)
    with pytest.raises(WorkbookTooLarge):
        lines_of(by_hand("", xl__media__image=bytes(10_000_001)))


def test_a_part_is_not_read_beyond_its_declared_size() -> None:
    content = bytearray(table(HEAD + f"<row>{inline(*map(str, cells()))}</row>" * 50_000))
    directory = zipfile.ZipFile(io.BytesIO(content))
    size = directory.getinfo("xl/worksheets/sheet1.xml").file_size
    for at in (content.find(struct.pack("<L", size)), content.rfind(struct.pack("<L", size))):
        content[at : at + 4] = struct.pack("<L", 5_000)
    with pytest.raises(WorkbookBroken):
        lines_of(bytes(content))


def test_millions_of_parts_are_refused_before_their_names_are_read() -> None:
    small = zipped({f"{number}.xml": b"" for number in range(archive.MOST_PARTS + 1)}, zipfile.ZIP_STORED)
    with pytest.raises(WorkbookTooLarge):
        lines_of(small)
    # Entries that the end record does not count: reading them would take 200 MB of memory.
    head, entry = b"PK\x01\x02", 46 + 1
    directory = (head + bytes(entry - len(head) - 1) + b"x") * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    with pytest.raises(WorkbookTooLarge):
        lines_of(directory + end)


def test_zip64_archives_are_refused() -> None:
    at = GOOD.rfind(b"PK\x05\x06")
    with pytest.raises(WorkbookBroken):
        lines_of(GOOD[:at] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + GOOD[at:])


def test_parts_with_the_same_name_are_refused() -> None:
    content = io.BytesIO(GOOD)
    with zipfile.ZipFile(content, "a") as book:
        book.writestr("XL/worksheets/Sheet1.xml", b"<worksheet/>")
    with pytest.raises(WorkbookBroken):
        lines_of(content.getvalue())


@pytest.mark.parametrize(
    "inside",
    [
        f"{HEAD}<row r='x'/>",
        f"{HEAD}<row r='1'/>",
        f"{HEAD}<row r='1048577'/>",
        "<row r='5'/><row r='4'/>",
        "<c><v>1</v></c>",
        "<row><c r='B1'/><c r='A1'/></row>",
        "<row><c r='A1'/><c r='A1'/></row>",
        "<row><c r='XFE1'/></row>",
        "<row><c r='AAAA1'/></row>",
        "<row><c r='1'/></row>",
        "<row><c r='a1'/></row>",
        "<row><c r='A2'/></row>",
        "<row r='2'><c r='A'/><c r='B3'/></row>",
        "<row><c><v>1</v><v>2</v></c></row>",
        "<row><c t='inlineStr'><is><t>1</t></is><is><t>2</t></is></c></row>",
        "<row><c t='inlineStr'><is><t>1</t></is><v>2</v></c></row>",
        "<row><c><v>1</v><c><v>2</v></c></c></row>",
        "<row><row/></row>",
        "<row><c t='text'><v>1</v></c></row>",
        "<row><t>1</t></row>",
        "<row/></sheetData><sheetData><row/>",
        "</sheetData><row/><sheetData>",
        "<a:AlternateContent xmlns:a='urn:a'><a:Choice><row/></a:Choice></a:AlternateContent>",
        "<row><c t='s'><v>0</v></c></row>",
        "<row><c t='s'><v>-1</v></c></row>",
        "<row><c t='s'><v>x</v></c></row>",
        "</sheetData><mergeCells><mergeCell ref='A1'/></mergeCells><sheetData>",
        "</sheetData><mergeCells><mergeCell ref='A9:B3'/></mergeCells><sheetData>",
        "<row>",
        "<row/><",
        "<row>&lol;</row>",
        f"<row>{inline('x' * 70_000)}</row>",
        f"<row {'x' * 2_000_000}",
        "<row a='" + "x" * 2_000_000,
        "<!--" + "x" * 2_000_000,
    ],
)
def test_malformed_sheets_are_refused(inside: str) -> None:
    with pytest.raises(WorkbookBroken):
        lines_of(table(inside))


def test_entities_are_refused_before_they_grow() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE w [<!ENTITY e0 "lol">{levels}]><worksheet xmlns="{MAIN}">&e11;</worksheet>'
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"):
        with pytest.raises(WorkbookBroken):
            lines_of(_with(by_hand(""), part, bomb.encode()))


def test_nothing_outside_the_archive_is_opened() -> None:
    rels = zipfile.ZipFile(io.BytesIO(GOOD)).read("xl/_rels/workbook.xml.rels")
    for target in (b"../../../../etc/passwd", b"/etc/passwd", b"file:///etc/passwd"):
        moved = rels.replace(b"worksheets/sheet1.xml", target)
        with pytest.raises(WorkbookBroken):
            lines_of(_with(GOOD, "xl/_rels/workbook.xml.rels", moved))


def _with(content: bytes, name: str, part: bytes) -> bytes:
    book = zipfile.ZipFile(io.BytesIO(content))
    return zipped({each: part if each == name else book.read(each) for each in book.namelist()})


def test_a_cell_in_the_last_column_takes_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    far = f"{HEAD}<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>"
    lines, _ = lines_of(table(far))
    assert len(lines) == 1_048_576
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_too_many_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_CELLS", 1_000)
    with pytest.raises(WorkbookTooLarge):
        lines_of(table(HEAD + "<row>" + "<c/>" * 1_001 + "</row>"))


def peak_with(work: Callable[[], object]) -> int:
    """KiB by which the highest memory of this process grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def test_a_large_workbook_needs_little_memory() -> None:
    # 200,000 rows with strings of their own: 70 MB of XML.
    row = "<row>{}</row>"
    strings = "".join(f"<si><t>W-{n}</t></si>" for n in range(200_000))
    first = '<c t="s"><v>{}</v></c>' + inline(*map(str, cells()[1:]))
    rows = "".join(row.format(first.format(n)) for n in range(200_000))
    content = by_hand(f"<sheetData>{HEAD}{rows}</sheetData>", strings=strings)
    del rows, strings

    def read() -> None:
        lines, _ = lines_of(content)
        assert lines[-1].startswith("W-199999,")

    assert peak_with(read) < 150 * 1024


def test_rows_and_columns_of_drawings_are_none_of_the_sheets() -> None:
    """As spreadsheet programs write where a button stands."""
    anchor = "<x:anchor><x:from><x:col>1</x:col><x:row>3</x:row></x:from></x:anchor>"
    control = f"<controls xmlns:x='urn:drawing'><control>{anchor}</control></controls>"
    content = by_hand(f"<sheetData>{HEAD}<row>{inline('W-1')}</row></sheetData>{control}")
    lines, _ = lines_of(content)
    assert [line.partition(",")[0] for line in lines if line] == ["bill_number", "W-1"]


@pytest.mark.parametrize("number", ["164", "0164", "1", "01"])
def test_a_format_is_found_however_its_number_is_written(number: str) -> None:
    """A format that has the number of a built-in one replaces it."""
    formats = f"<numFmts><numFmt numFmtId='{int(number)}' formatCode='000-000'/></numFmts>"
    styles = f"<styleSheet>{formats}<cellXfs><xf numFmtId='{number}'/></cellXfs></styleSheet>"
    assert styles_in(iter([styles.encode()])) == [Form.OTHER]


@pytest.mark.parametrize(("raw", "text"), [("1", "TRUE"), ("true", "TRUE"), ("0", "FALSE"), ("false", "FALSE")])
def test_a_truth_value_is_read_in_either_notation(raw: str, text: str) -> None:
    lines, _ = lines_of(by_hand(f"<sheetData><row><c t='b'><v>{raw}</v></c></row></sheetData>"))
    assert lines[0] == text
