"""Workbooks as programs write them, and malformed ones."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import xlsxwriter

from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE
from tests.svc_payments.billing.files.files import ACCOUNT, HEADER, upload

COLUMNS = HEADER.split(",")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def cells(bill_number: Any = "W-1", **columns: Any) -> list[Any]:  # noqa: ANN401 - whatever a cell may hold
    """A valid row with these columns changed."""
    usual = {
        "bill_number": bill_number,
        "account_number": ACCOUNT,
        "period": "2026-09",
        "usage": 12.5,
        "amount": 28.75,
        "due_date": "2026-10-25",
        "meter_from": 100,
        "meter_to": 112.5,
    }
    return list({**usual, **columns}.values())


def workbook(
    *rows: Sequence[Any],
    header: Sequence[str] | None = COLUMNS,
    work: Callable[[Any, Any], None] = lambda _book, _sheet: None,
    **options: Any,  # noqa: ANN401 - as the writer takes them
) -> bytes:
    """A workbook with one sheet; `work` makes changes that rows cannot express."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, **options})
    sheet = book.add_worksheet()
    for number, row in enumerate([header, *rows] if header else rows):
        sheet.write_row(number, 0, row)
    work(book, sheet)
    book.close()
    return content.getvalue()


def by_hand(sheet: str, *, strings: str = "", namespace: str = MAIN, **parts: bytes) -> bytes:
    """A workbook whose one sheet has this XML inside; other parts are named with __ for / and get .xml."""
    rels = f'<Relationships xmlns="{PACKAGE}">{{}}</Relationships>'
    relation = '<Relationship Id="{id}" Type="' + RELATIONS + '/{kind}" Target="{target}"/>'
    usual: Mapping[str, bytes] = {
        "_rels/.rels": rels.format(relation.format(id="a", kind="officeDocument", target="xl/workbook.xml")).encode(),
        "xl/workbook.xml": f'<workbook xmlns="{namespace}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="1" sheetId="1" r:id="a"/></sheets></workbook>'.encode(),
        "xl/_rels/workbook.xml.rels": rels.format(
            relation.format(id="a", kind="worksheet", target="worksheets/sheet1.xml")
            + relation.format(id="b", kind="sharedStrings", target="/xl/sharedStrings.xml")
        ).encode(),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{namespace}">{sheet}</worksheet>'.encode(),
        "xl/sharedStrings.xml": f'<sst xmlns="{namespace}">{strings}</sst>'.encode(),
    }
    given = {f"{name.replace('__', '/')}.xml": content for name, content in parts.items()}
    return zipped({**usual, **given})


def zipped(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def inline(*values: str) -> str:
    """Cells with inline strings."""
    return "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in values)


async def send(api: httpx.AsyncClient, headers: dict[str, str], content: bytes, **more: str) -> httpx.Response:
    return await upload(api, headers, content, name="2026-09.xlsx", **{"Content_Type": MEDIA_TYPE, **more})
