"""Dividing and checking rows: any text is read to its end or refused as a whole, with the right row numbers."""

import csv
import io
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Problem
from contracts.reference_provider.roster import account_number, check_digit
from svc_payments.billing.bills import validation
from svc_payments.billing.bills.reasons import Reason
from svc_payments.billing.bills.staging import staged_columns
from svc_payments.billing.bills.validation import CheckedRow, checked
from svc_payments.billing.files import rows
from svc_payments.billing.files.refusals import (
    EmptyFile,
    FieldTooLong,
    LineTooLong,
    TooManyLines,
    UnclosedQuote,
    WrongHeader,
)
from svc_payments.billing.files.rows import LONGEST_LINE, staged_rows
from tests.svc_payments.billing.files.files import HEADER, file_of, row

THIS_MONTH = date(2026, 11, 1)
PROVIDER = UUID(int=7)


def staged(text: str) -> list[list[str]]:
    """The staged rows as lists of columns: row number, eight values, reason."""
    file = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline=None)
    lines = "".join(staged_rows(file, THIS_MONTH, PROVIDER).blocks).split("\n")
    return [line.split("\t") for line in lines[:-1]]


def outcomes(text: str) -> list[tuple[int, str]]:
    return [(int(columns[0]), columns[-1]) for columns in staged(text)]


def test_a_row_without_fault_is_staged_in_whole_fen_with_the_first_day_of_its_period() -> None:
    [columns] = staged(file_of(row("W-1", account_number="1000000005", amount="28.70")))
    assert columns == ["2", "W-1", "1000000005", "2026-09-01", "12.5", "2870", "2026-10-25", "100", "112.5", ""]


@pytest.mark.parametrize(
    ("amount", "fen"),
    [
        ("0.01", "1"),
        ("0.1", "10"),
        ("7", "700"),
        ("7.5", "750"),
        ("1000000", "100000000"),
        ("1000000.00", "100000000"),
        ("0012.30", "1230"),
        ("999999.99", "99999999"),
    ],
)
def test_amounts_are_whole_fen(amount: str, fen: str) -> None:
    [columns] = staged(file_of(row(amount=amount)))
    assert (int(columns[5]), columns[-1]) == (int(fen), "")


FAULTS = [
    (Reason.BAD_BILL_NUMBER, {"bill_number": ""}),
    (Reason.BAD_BILL_NUMBER, {"bill_number": "W_1"}),
    (Reason.BAD_BILL_NUMBER, {"bill_number": "W" * 33}),
    (Reason.BAD_BILL_NUMBER, {"bill_number": "账单1"}),
    (Reason.BAD_ACCOUNT_NUMBER, {"account_number": "123456789"}),
    (Reason.BAD_ACCOUNT_NUMBER, {"account_number": "12345678901"}),
    (Reason.BAD_ACCOUNT_NUMBER, {"account_number": "12345６789X"}),
    (Reason.BAD_ACCOUNT_NUMBER, {"account_number": "١٢٣٤٥٦٧٨٩٠"}),
    (Reason.BAD_ACCOUNT_CHECK_DIGIT, {"account_number": "1000000004"}),
    (Reason.BAD_PERIOD, {"period": "2026-13"}),
    (Reason.BAD_PERIOD, {"period": "2026-00"}),
    (Reason.BAD_PERIOD, {"period": "0000-01"}),
    (Reason.BAD_PERIOD, {"period": "202609"}),
    (Reason.BAD_PERIOD, {"period": "2026-9"}),
    (Reason.FUTURE_PERIOD, {"period": "2026-12", "due_date": "2027-01-25"}),
    (Reason.BAD_USAGE, {"usage": ""}),
    (Reason.BAD_USAGE, {"usage": "-1"}),
    (Reason.BAD_USAGE, {"usage": "1.2345"}),
    (Reason.BAD_USAGE, {"usage": "1e3"}),
    (Reason.BAD_USAGE, {"usage": "NaN"}),
    (Reason.BAD_USAGE, {"usage": "1234567890"}),
    (Reason.BAD_AMOUNT, {"amount": ""}),
    (Reason.BAD_AMOUNT, {"amount": "1.005"}),
    (Reason.BAD_AMOUNT, {"amount": "1e3"}),
    (Reason.BAD_AMOUNT, {"amount": "+1"}),
    (Reason.BAD_AMOUNT, {"amount": "1."}),
    (Reason.BAD_AMOUNT, {"amount": ".5"}),
    (Reason.BAD_AMOUNT, {"amount": "￥5"}),
    (Reason.BAD_AMOUNT, {"amount": '"1,000.00"'}),
    (Reason.AMOUNT_NOT_POSITIVE, {"amount": "0"}),
    (Reason.AMOUNT_NOT_POSITIVE, {"amount": "-0.00"}),
    (Reason.AMOUNT_NOT_POSITIVE, {"amount": "-5.20"}),
    (Reason.AMOUNT_TOO_LARGE, {"amount": "1000000.01"}),
    (Reason.AMOUNT_TOO_LARGE, {"amount": "9" * 5000}),
    (Reason.BAD_DUE_DATE, {"due_date": "2026-02-30"}),
    (Reason.BAD_DUE_DATE, {"due_date": "20261025"}),
    (Reason.BAD_DUE_DATE, {"due_date": "2026-08-31"}),
    (Reason.BAD_DUE_DATE, {"due_date": "2028-09-02"}),
    (Reason.BAD_METER_READING, {"meter_from": "10", "meter_to": "9.999"}),
    (Reason.BAD_METER_READING, {"meter_from": "9", "meter_to": "x"}),
    (Reason.BAD_METER_READING, {"meter_from": "-1", "meter_to": "1"}),
]


@pytest.mark.parametrize(("reason", "columns"), FAULTS, ids=lambda value: str(value)[:40])
def test_each_fault_has_its_reason(reason: Reason, columns: dict[str, str]) -> None:
    assert outcomes(file_of(row("W-0"), row(**columns), row("W-2"))) == [(2, ""), (3, reason), (4, "")]


@pytest.mark.parametrize(
    "columns",
    [
        {"usage": "0", "meter_from": "", "meter_to": ""},
        {"meter_from": "5", "meter_to": ""},
        {"meter_from": "", "meter_to": "5"},
        {"meter_from": "9", "meter_to": "10"},
        {"period": "2026-11", "due_date": "2026-11-01"},
        {"due_date": "2028-09-01"},
        {"period": "2024-02", "due_date": "2024-02-29"},
        {"bill_number": "-" * 32},
    ],
)
def test_the_limits_themselves_are_allowed(columns: dict[str, str]) -> None:
    assert outcomes(file_of(row(**columns))) == [(2, "")]


@pytest.mark.parametrize("line", ["", "a,b", row() + ",", row() + ",x", '"a"b,c', row().replace(",", "，", 1)])
def test_a_wrong_number_of_columns_is_one_refused_row(line: str) -> None:
    expected = [] if not line else [(3, "wrong_column_count")]
    assert outcomes(file_of(row("W-1"), line, row("W-2"))) == [(2, ""), *expected, (4, "")]


def test_the_first_fault_from_the_left_is_told() -> None:
    line = row(account_number="1", period="x", usage="x", amount="x", due_date="x", meter_to="x")
    assert outcomes(file_of(line)) == [(2, "bad_account_number")]


def test_full_width_forms_and_wide_spaces_are_taken_as_their_narrow_ones() -> None:
    plain = row("W-1")
    wide = ",".join("　" + "".join(chr(ord(c) + 0xFEE0) for c in value) + "　" for value in plain.split(","))
    assert staged(file_of(wide)) == staged(file_of(plain))


def test_spaces_and_quotes_around_values_do_not_matter() -> None:
    plain = row("W-1")
    dressed = ",".join(f'" {value}\t"' for value in plain.split(","))
    assert staged(file_of(dressed)) == staged(file_of(plain))


def test_a_line_break_in_a_quoted_value_belongs_to_the_row_and_counts_as_a_line() -> None:
    split = row().replace("W-1", '"W-\n1"')
    text = file_of(row("A"), split, row("B"))
    assert outcomes(text) == [(2, ""), (3, "bad_bill_number"), (5, "")]


def test_doubled_quotes_and_commas_in_a_quoted_value_belong_to_it() -> None:
    assert outcomes(file_of(row('"say ""when"", please"'))) == [(2, "bad_bill_number")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_ending_counts_the_same(line_end: str) -> None:
    text = file_of(row("A"), "", row(amount="0"), row("B"), line_end=line_end)
    assert outcomes(text) == [(2, ""), (4, "amount_not_positive"), (5, "")]


def test_mixed_line_endings_and_a_last_line_without_one() -> None:
    text = HEADER + "\r\n" + row("A") + "\r" + row("B") + "\n\n" + row(usage="x")
    assert outcomes(text) == [(2, ""), (3, ""), (5, "bad_usage")]


def test_line_endings_on_the_edge_of_a_read_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = file_of(*(row(f"W-{n}") for n in range(50)), row(usage="x"), '"a\r\nb",c', row("last"))
    expected = outcomes(text)
    for size in range(1, 40):
        monkeypatch.setattr(rows, "_READ", size)
        assert outcomes(text) == expected


def test_only_line_ends_divide_lines() -> None:
    """Not the other characters that str.splitlines takes for line ends."""
    assert outcomes(file_of("W\x0b\x0c\x1c\x85\u2028\u20291" + row()[3:])) == [(2, "bad_bill_number")]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", EmptyFile),
        ("\r\n \r\n", EmptyFile),
        (row() + "\n", WrongHeader),
        (HEADER.replace("usage,amount", "amount,usage") + "\n" + row(), WrongHeader),
        (HEADER + ",more\n", WrongHeader),
        (file_of(row(), '"W-2' + row()[3:], row("W-3")), UnclosedQuote),
        ('"' + HEADER, UnclosedQuote),
        (file_of(row(), "x" * (2 * 1024 * 1024)), LineTooLong),
        (file_of(row(), '"' + "x\n" * LONGEST_LINE), FieldTooLong),
        (file_of(row(), '"' + "\n" * LONGEST_LINE + '"'), FieldTooLong),
        (file_of(row(), '"' + "x" * LONGEST_LINE + '"'), LineTooLong),
    ],
    ids=[
        "empty",
        "blank",
        "no header",
        "other order",
        "more columns",
        "unclosed",
        "open header",
        "long",
        "far",
        "tall",
        "wide",
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(text: str, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        staged(text)


@pytest.mark.parametrize("size", [1_000, 100_000, 1_000_000])
def test_the_limit_of_a_line_does_not_depend_on_how_the_file_is_read(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(rows, "_READ", size)
    longest, too_long = "x" * LONGEST_LINE, "x" * (LONGEST_LINE + 1)
    assert outcomes(file_of(row(), longest, row("W-2"))) == [(2, ""), (3, "wrong_column_count"), (4, "")]
    with pytest.raises(LineTooLong) as refusal:
        staged(file_of(row(), too_long, row("W-2")))
    assert refusal.value.values["row"] == 3


def test_a_quoted_row_over_several_lines_has_the_limit_of_a_line() -> None:
    half = "x" * (LONGEST_LINE // 2 - 2)  # with two quotes, a line break and one more character it is the limit
    assert outcomes(file_of(row(), f'"{half}\n{half}x"', row("W-2"))) == [(2, ""), (3, "wrong_column_count"), (5, "")]
    with pytest.raises(FieldTooLong) as refusal:
        staged(file_of(row(), f'"{half}\n{half}xx"', row("W-2")))
    assert refusal.value.values == {"row": 3, "longest": LONGEST_LINE}


@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_lines_are_limited_blank_ones_too(monkeypatch: pytest.MonkeyPatch, size: int, last: str) -> None:
    monkeypatch.setattr(rows, "_READ", size)
    monkeypatch.setattr(rows, "MOST_LINES", 10)
    blank = "\n" * 8
    assert outcomes(HEADER + "\n" + blank + row() + last) == [(10, "")]
    with pytest.raises(TooManyLines) as refusal:
        staged(HEADER + "\n\n" + blank + row() + last)
    assert refusal.value.values == {"most": 10}


def test_nothing_long_is_remembered_of_a_refused_row() -> None:
    before = validation.period_fault.cache_info().currsize, validation.due_date_fault.cache_info().currsize
    staged(file_of(row(period="9" * 60_000), row(due_date="9" * 60_000)))
    after = validation.period_fault.cache_info().currsize, validation.due_date_fault.cache_info().currsize
    assert after[0] - before[0] <= 1  # the one real period of these rows
    assert after[1] == before[1]


def test_the_refusal_of_a_file_names_the_row() -> None:
    with pytest.raises(UnclosedQuote) as refusal:
        staged(file_of(row(), "", '"W-2' + row()[3:], row("W-3")))
    assert refusal.value.values == {"row": 4}


def test_a_header_in_other_dress_is_a_header() -> None:
    dressed = ",".join(f'" {name} "' for name in HEADER.split(","))
    assert outcomes("\n\n" + dressed + "\n" + row()) == [(4, "")]


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert outcomes(HEADER) == []


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=400))
def test_any_text_is_read_to_its_end_or_refused(content: str) -> None:
    try:
        result = staged(HEADER + "\n" + content)
    except Problem:
        return
    assert all(len(columns) == len(staged_columns(validation.COLUMNS)) for columns in result)
    numbers = [int(columns[0]) for columns in result]
    assert numbers == sorted(set(numbers))
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if '"' not in content:
        assert numbers == [number for number, line in enumerate(lines, 2) if line.strip()]


CELLS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-1", "1.5", "0.01", "2026-09", "2026-10-25", "W-1", "１２．５０", '"', '""', "1000000005"]
    ),
    st.text(alphabet='0123456789.-,"\n A１', max_size=12),
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=8))
def test_rows_written_by_a_csv_library_come_back_one_by_one(table: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    expected, line = [], 2
    for cells in table:
        result = checked(cells, THIS_MONTH)
        expected.append((line, "" if isinstance(result, CheckedRow) else result))
        writer.writerow(cells)
        line += 1 + sum(cell.count("\n") for cell in cells)
    assert outcomes(HEADER + "\n" + text.getvalue()) == expected


PLAIN_COLUMNS = st.fixed_dictionaries(
    {
        "bill_number": st.from_regex(r"[A-Za-z0-9-]{1,33}", fullmatch=True),
        "account_number": st.one_of(
            st.integers(0, 999_999).map(lambda n: account_number("rows", n)),
            st.from_regex(r"[0-9]{9,11}", fullmatch=True),
        ),
        "period": st.from_regex(r"20(2[0-9])-(0[0-9]|1[0-3])", fullmatch=True),
        "usage": st.from_regex(r"[0-9]{1,10}(\.[0-9]{1,4})?", fullmatch=True),
        "amount": st.from_regex(r"-?[0-9]{1,8}(\.[0-9]{1,3})?", fullmatch=True),
        "due_date": st.from_regex(r"20(2[0-9])-(0[0-9]|1[0-3])-[0-3][0-9]", fullmatch=True),
        "meter_from": st.from_regex(r"([0-9]{1,4}(\.[0-9]{1,3})?)?", fullmatch=True),
        "meter_to": st.from_regex(r"([0-9]{1,4}(\.[0-9]{1,3})?)?", fullmatch=True),
    }
)


@given(PLAIN_COLUMNS)
def test_the_short_way_and_the_long_way_agree(columns: dict[str, str]) -> None:
    """Plain rows are recognised by one expression; quotes make the same row go the long way."""
    [short] = staged(file_of(",".join(columns.values())))
    [long] = staged(file_of(",".join(f'"{value}"' for value in columns.values())))
    assert [Decimal(short[5] or 0), *short[:5], *short[6:]] == [Decimal(long[5] or 0), *long[:5], *long[6:]]


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_check_digits_are_those_of_iso_7064(nine: str) -> None:
    assert validation.check_digit(nine[:3], nine[3:6], nine[6:]) == check_digit(nine)


def test_the_check_digit_of_a_published_example() -> None:
    """GB/T 17710-2008 gives 0794 with the check digit 5; leading zeros of a fixed length are other digits."""
    assert check_digit("0794") == "5"
