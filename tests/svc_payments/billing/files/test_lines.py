"""Division of a file into rows: any text is read to its end or refused as a whole, with the right row numbers."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Problem
from kit.fields.customer_parameters import TEN_DIGITS
from kit.files.csv_rows import cut
from kit.files.refusals import FieldTooLong, UnclosedQuote
from svc_payments.billing.bills import validation
from svc_payments.billing.bills.staging import staged_columns
from svc_payments.billing.bills.validation import CheckedRow, checked
from svc_payments.billing.files import rows
from svc_payments.billing.files.refusals import EmptyFile, LineTooLong, TooManyLines, WrongHeader
from svc_payments.billing.files.rows import LONGEST_LINE
from tests.svc_payments.billing.files.files import HEADER, file_of, row
from tests.svc_payments.billing.files.staged import THIS_MONTH, outcomes, staged


def test_a_line_break_in_a_quoted_value_belongs_to_the_row_and_counts_as_a_line() -> None:
    split = row().replace("W-1", '"W-\n1"')
    text = file_of(row("A"), split, row("B"))
    assert outcomes(text) == [(2, ""), (3, "bad_bill_number"), (5, "")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_all_line_endings_are_equivalent(line_end: str) -> None:
    text = file_of(row("A"), "", row(amount="0"), row("B"), line_end=line_end)
    assert outcomes(text) == [(2, ""), (4, "amount_not_positive"), (5, "")]


def test_mixed_line_endings_and_a_last_line_without_one() -> None:
    text = HEADER + "\r\n" + row("A") + "\r" + row("B") + "\n\n" + row(usage="x")
    assert outcomes(text) == [(2, ""), (3, ""), (5, "bad_usage")]


def test_line_endings_across_two_reads_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = file_of(*(row(f"W-{n}") for n in range(50)), row(usage="x"), '"a\r\nb",c', row("last"))
    expected = outcomes(text)
    for size in range(1, 40):
        monkeypatch.setattr(rows, "_READ", size)
        assert outcomes(text) == expected


def test_only_line_ends_divide_lines() -> None:
    """str.splitlines would split at these characters too."""
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
def test_a_malformed_file_is_refused_as_a_whole(text: str, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        staged(text)


@pytest.mark.parametrize("size", [1_000, 100_000, 1_000_000])
def test_the_line_limit_does_not_depend_on_the_read_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(rows, "_READ", size)
    longest, too_long = "x" * LONGEST_LINE, "x" * (LONGEST_LINE + 1)
    assert outcomes(file_of(row(), longest, row("W-2"))) == [(2, ""), (3, "wrong_column_count"), (4, "")]
    with pytest.raises(LineTooLong) as refusal:
        staged(file_of(row(), too_long, row("W-2")))
    assert refusal.value.values["row"] == 3


def test_the_line_limit_applies_to_a_quoted_row_over_several_lines() -> None:
    half = "x" * (LONGEST_LINE // 2 - 2)  # with two quotes, a line break and one more character it is the limit
    assert outcomes(file_of(row(), f'"{half}\n{half}x"', row("W-2"))) == [(2, ""), (3, "wrong_column_count"), (5, "")]
    with pytest.raises(FieldTooLong) as refusal:
        staged(file_of(row(), f'"{half}\n{half}xx"', row("W-2")))
    assert refusal.value.values == {"row": 3, "longest": LONGEST_LINE}


@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_blank_lines_count_towards_the_line_limit(monkeypatch: pytest.MonkeyPatch, size: int, last: str) -> None:
    monkeypatch.setattr(rows, "_READ", size)
    monkeypatch.setattr(rows, "MOST_LINES", 10)
    blank = "\n" * 8
    assert outcomes(HEADER + "\n" + blank + row() + last) == [(10, "")]
    with pytest.raises(TooManyLines) as refusal:
        staged(HEADER + "\n\n" + blank + row() + last)
    assert refusal.value.values == {"most": 10}


def test_the_refusal_of_a_file_names_the_row() -> None:
    with pytest.raises(UnclosedQuote) as refusal:
        staged(file_of(row(), "", '"W-2' + row()[3:], row("W-3")))
    assert refusal.value.values == {"row": 4}


def test_a_quoted_and_padded_header_is_accepted() -> None:
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
def test_rows_written_by_a_csv_library_are_read_back_one_by_one(table: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    expected, line = [], 2
    for cells in table:
        result = checked(cut(cells, len(validation.COLUMNS)), THIS_MONTH, TEN_DIGITS)
        expected.append((line, "" if isinstance(result, CheckedRow) else result))
        writer.writerow(cells)
        line += 1 + sum(cell.count("\n") for cell in cells)
    assert outcomes(HEADER + "\n" + text.getvalue()) == expected


@pytest.mark.parametrize(
    "text",
    [
        file_of(row("A", meter_to='"9'), row("B"), row("C"), '"'),
        file_of('"' + row("A"), row("B"), row("C", meter_to='"9')),
        file_of(row("A", meter_to='"9'), *(row(f"B-{n}").replace("W", '"W') for n in range(2))),
        file_of(row("A", meter_to='"9'), row("B", period=" 2026-09 "), '"'),
        file_of(row("A", meter_to='"9'), row("B", period="２０２６-０９"), '"'),
        file_of(row("A", meter_to='"9'), row("B", period="2026/09"), '"'),
        file_of(row("A", meter_to='"9'), row(""), '"'),
        "\n".join([f"{HEADER},note", f'{row("A")},"n', f"{row('B', period='202609')},x", f'{row("C")},y"']),
    ],
    ids=[
        "closed_far_below",
        "closed_by_another_rows",
        "mixed",
        "over_a_row_with_blanks",
        "over_a_row_in_full_width",
        "over_a_row_with_another_date",
        "over_a_row_without_number",
        "in_a_note",
    ],
)
def test_a_stray_quote_never_swallows_the_rows_behind_it(text: str) -> None:
    with pytest.raises(Problem) as refusal:
        staged(text)
    assert refusal.value.values["row"] == 2


TITLES = ["伊犁某水务公司2026年9月账单,,,,,,,", '"制表人：张","日期：2026-10-01",,,,,,']


@pytest.mark.parametrize("titles", [TITLES[:1], TITLES, ["", *TITLES, ""], ["标题"] * 10])
def test_titles_above_the_header_are_passed_over(titles: list[str]) -> None:
    text = "\n".join([*titles, HEADER, row("A"), row("B")])
    assert outcomes(text) == [(len(titles) + 2, ""), (len(titles) + 3, "")]


@pytest.mark.parametrize(
    "lines",
    [
        [*["标题"] * 11, HEADER, row("B")],
        [row("A"), HEADER, row("B")],
        ["标题", row("A"), HEADER, row("B")],
        ["标题", "制表人"],
    ],
    ids=["too_many_titles", "a_row_above_the_header", "a_row_below_the_title", "no_header"],
)
def test_what_may_be_a_row_is_never_passed_over_as_a_title(lines: list[str]) -> None:
    with pytest.raises(WrongHeader) as refusal:
        staged("\n".join(lines))
    assert refusal.value.values["row"] == 1


@pytest.mark.parametrize("header", [HEADER, f"{HEADER},", f"{HEADER},, ,"])
def test_empty_values_at_the_ends_of_rows_mean_nothing(header: str) -> None:
    lines = [f"{row('A')},,", row("B"), f"{row('C')},", f'{row("D")},"", ,\u3000', ",,,,,,,,,"]
    refused = [f"{row('E')},x,", f"{row('F')},,,,,,,0", ",,"]
    text = "\n".join([header, *lines, *refused, ""])
    outcome = "wrong_column_count"
    assert outcomes(text) == [*((line, "") for line in range(2, 6)), *((line, outcome) for line in range(7, 10))]
    assert [values[1] for values in staged(text)][:4] == ["A", "B", "C", "D"]


def test_empty_values_at_the_ends_of_rows_mean_nothing_beside_further_columns() -> None:
    text = "\n".join([f"{HEADER},supersedes,note", f"{row('A')},Z,n,,", f"{row('B')},,,", f"{row('C')},,,x", row("D")])
    assert outcomes(text) == [(2, ""), (3, ""), (4, "wrong_column_count"), (5, "wrong_column_count")]
