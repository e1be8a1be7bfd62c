"""A statement that is not as its layout has it: the refusal names line and column, and says what is wrong with it."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from chassis.db import new_id
from chassis.problems import catalogue
from chassis.testing import Tokens
from svc_payments.reconciliation.statements.layouts.provider import HEADER
from svc_payments.reconciliation.statements.refusals import Fault
from tests.svc_payments.reconciliation.statements.test_strict_reading import ONE, file_of, line, upload
from tests.svc_payments.settlement.bookings import DAY

LINE = line()


@pytest.mark.parametrize(
    ("content", "row", "column", "reason"),
    [
        (file_of(LINE.replace("33.75", "33.755")), 2, "amount", "bad_amount"),
        (file_of(LINE.replace("33.75", "¥33.75")), 2, "amount", "bad_amount"),
        (file_of(LINE.replace("33.75", "")), 2, "amount", "bad_amount"),
        (file_of(LINE.replace("33.75", "-1")), 2, "amount", "amount_not_positive"),
        (file_of(LINE.replace("33.75", "0.00")), 2, "amount", "amount_not_positive"),
        (file_of(LINE.replace("booked", "Booked")), 2, "state", "unknown_value"),
        (file_of(LINE.replace("10:00:00", "25:00:00")), 2, "booked_at", "bad_time"),
        (file_of(LINE.replace("10:00:00", "10:00:00+16:00")), 2, "booked_at", "bad_time"),
        (file_of(f"x{LINE}"), 2, "posting_id", "bad_number"),
        (file_of(f"{LINE[:3]}_{LINE[4:]}"), 2, "posting_id", "bad_number"),
        (file_of(f"{LINE[:4]}-{LINE[4:]}"), 2, "posting_id", "bad_number"),
        (file_of(f"{'１' * 32}{LINE[36:]}"), 2, "posting_id", "bad_number"),
        (file_of(f",,{LINE.split(',', 2)[2]}"), 2, "receipt_number", "bad_number"),
        (file_of(f",R1,,{LINE.split(',', 3)[3]}"), 2, "bill_number", "bad_number"),
        (file_of(LINE, LINE.rpartition(",")[0]), 3, "reference", "value_missing"),
        (file_of(LINE, "x"), 3, "receipt_number", "value_missing"),
        (file_of(f"{LINE},x"), 2, "9", "value_beyond"),
        (file_of(f"{LINE},,,x"), 2, "9", "value_beyond"),
        (file_of(LINE, "total,one,33.75"), 3, "lines", "bad_count"),
        (file_of(LINE, "total,1,33.755"), 3, "amount", "bad_amount"),
        (file_of(LINE, "total,1,33.75,,x"), 3, "4", "value_beyond"),
        (file_of(LINE, "total,1,33.75", "", LINE), 5, None, "after_totals"),
        (ONE.replace(b"booked_at", b"time"), 1, "booked_at", "column_missing"),
        (b"Statement\n\n" + ONE.replace(b"booked_at", b"Booked_At"), 3, "booked_at", "column_missing"),
        (ONE.replace(b",reference", b""), 1, "reference", "column_missing"),
        (b"Statement\n" + ONE.replace(b",reference", b",reference,State"), 2, "state", "column_twice"),
        (ONE.replace(b",reference", ",reference,a\u200bmount".encode()), 1, "amount", "column_twice"),
        (b"Statement\n", 1, "posting_id", "column_missing"),
        (file_of("x" * 70_000), 2, None, "line_too_long"),
    ],
)
async def test_the_line_the_column_and_the_fault_are_named(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    content: bytes,
    row: int,
    column: str | None,
    reason: str,
) -> None:
    problem = (await upload(api, tokens, provider_id, content)).json()
    assert (problem["code"], problem["row"]) == ("statement_malformed", row)
    assert (problem.get("column"), problem["reason"]) == (column, reason)
    assert str(row) in problem["detail"]
    assert column is None or column in problem["detail"]
    assert "{" not in problem["detail"]


@pytest.mark.parametrize("form", ["{}", "{{{}}}", "urn:uuid:{}"])
@pytest.mark.parametrize("digits", [str.lower, str.upper, lambda number: number.replace("-", "")])
async def test_a_posting_is_found_by_its_id_in_any_usual_form(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, form: str, digits: Callable[[str], str]
) -> None:
    number = str(new_id())
    twice = [form.format(digits(number)) + LINE[36:], number + LINE[36:]]
    problem = (await upload(api, tokens, provider_id, file_of(*twice))).json()
    assert (problem["code"], problem["row"]) == ("statement_line_twice", 3)


@pytest.mark.parametrize("before", [0, 1, 6_000])
async def test_a_posting_that_stands_twice_is_refused_with_its_second_line(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, before: int
) -> None:
    number = str(new_id())
    others = [f"{new_id()}{LINE[36:]}" for _ in range(before)]
    content = file_of(number + LINE[36:], "", *others, "", number + LINE[36:])
    problem = (await upload(api, tokens, provider_id, content)).json()
    assert (problem["code"], problem["row"]) == ("statement_line_twice", before + 5)
    assert str(before + 5) in problem["detail"]


@pytest.mark.parametrize(
    ("language", "detail"),
    [
        ("en", "Line 2, column amount: this is not an amount in yuan, such as 12.50. Nothing was kept."),
        ("zh", "第 2 行“amount”列：不是以元为单位的金额（如 12.50）。整个文件未接收"),
        ("kk-Arab", "\u20682\u2069-جول، \u2068amount\u2069 باعانى: يۋانمەن جازىلعان سوما ەمەس"),
        ("ug", "\u20682\u2069-قۇر، \u2068amount\u2069 ئىستونى: يۈەن بىلەن يېزىلغان سومما ئەمەس"),
    ],
)
async def test_the_fault_is_in_the_readers_language(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, language: str, detail: str
) -> None:
    headers = tokens.client(provider_id, "bills:write") | {"Accept-Language": language}
    content = f"{HEADER}\n{LINE}\n".replace("33.75", "33.755").encode()
    answer = await api.put(f"/payments/v1/posting-statements/{DAY}", content=content, headers=headers)
    assert answer.json()["detail"].startswith(detail)


@pytest.mark.parametrize("language", sorted(catalogue("svc_payments")))
def test_every_fault_has_words(language: str) -> None:
    assert catalogue("svc_payments")[language]["statement_fault"].keys() == {"line", "value", *Fault}
