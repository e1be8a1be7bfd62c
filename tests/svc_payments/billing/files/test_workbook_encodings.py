"""The parts of a workbook are XML in UTF-8 or UTF-16; any other encoding is refused, never an error of the server."""

import io
import zipfile

import pytest

from svc_payments.billing.files.refusals import WorkbookBroken
from svc_payments.billing.files.workbooks.reader import write_lines
from tests.svc_payments.billing.files.workbooks import cells, workbook, zipped

PARTS = ("_rels/.rels", "xl/_rels/workbook.xml.rels", "xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml")
BOOK = zipfile.ZipFile(io.BytesIO(workbook(cells("W-1"))))
GOOD = {name: BOOK.read(name) for name in BOOK.namelist()}


def lines_of(part: str, encoding: str, codec: str) -> list[str]:
    markup = GOOD[part].decode().replace('encoding="UTF-8"', f'encoding="{encoding}"', 1)
    assert f'"{encoding}"' in markup
    lines = io.BytesIO()
    write_lines(io.BytesIO(zipped({**GOOD, part: markup.encode(codec)})), lines)
    return lines.getvalue().decode().splitlines()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("encoding", "codec"), [("UTF-8", "utf-8"), ("utf-8", "utf-8"), ("UTF-16", "utf-16")])
def test_both_encodings_of_the_format_are_read(part: str, encoding: str, codec: str) -> None:
    assert lines_of(part, encoding, codec)[1].startswith("W-1,")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        ("GB18030", "gb18030"),
        ("GBK", "gbk"),
        ("Shift_JIS", "shift_jis"),
        ("UTF-7", "utf-8"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("x-unknown", "utf-8"),
        ("hex", "utf-8"),
        ("idna", "utf-8"),
        ("unicode_escape", "utf-8"),
    ],
)
def test_every_other_encoding_is_refused(part: str, encoding: str, codec: str) -> None:
    with pytest.raises(WorkbookBroken):
        lines_of(part, encoding, codec)
