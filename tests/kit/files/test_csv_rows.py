"""CSV divided strictly: whatever a library writes is read back, and no quote swallows a row."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Problem
from kit.files.csv_rows import rows_of, values_of
from kit.files.refusals import FieldTooLong, MisplacedQuote, UnclosedQuote

VALUES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=12)


@given(st.lists(st.lists(VALUES, min_size=2, max_size=5), max_size=6))
def test_what_a_library_writes_is_read_back(table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    lines = iter(text.getvalue().split("\n")[:-1])
    assert list(rows_of(lines)) == list(enumerate(table, 1))


@given(st.lists(st.text(alphabet='a,"', max_size=12), max_size=6))
def test_each_line_is_a_row_or_the_file_is_refused(lines: list[str]) -> None:
    try:
        rows = list(rows_of(iter(lines)))
    except Problem as refusal:
        assert 1 <= refusal.values["row"] <= len(lines)  # noqa: PT017 - either outcome is right, and both are checked
        return
    assert [row for row, _ in rows] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [(['"a', "b"], UnclosedQuote), (['"a', 'b"c'], MisplacedQuote), (['"a', "b" * 20], FieldTooLong)],
)
def test_a_quoted_value_over_several_lines_has_bounds(lines: list[str], refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        values_of(1, lines[0], iter(enumerate(lines[1:], 2)), 10)
