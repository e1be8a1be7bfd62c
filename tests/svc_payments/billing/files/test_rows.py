"""Validation of rows: each fault has its reason, and values are normalised."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.reference_provider.roster import account_number
from svc_payments.billing.bills import validation
from svc_payments.billing.bills.reasons import Reason
from tests.svc_payments.billing.files.files import file_of, row
from tests.svc_payments.billing.files.staged import outcomes, staged


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
    (Reason.FUTURE_PERIOD, {"period": "2099-12", "due_date": "2100-01-25"}),
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


@pytest.mark.parametrize("line", ["", "a,b", row() + ",,0", row() + ",x", '"a"b,c', row().replace(",", "，", 1)])
def test_a_wrong_number_of_columns_is_one_refused_row(line: str) -> None:
    expected = [] if not line else [(3, "wrong_column_count")]
    assert outcomes(file_of(row("W-1"), line, row("W-2"))) == [(2, ""), *expected, (4, "")]


def test_the_first_fault_from_the_left_is_reported() -> None:
    line = row(account_number="1", period="x", usage="x", amount="x", due_date="x", meter_to="x")
    assert outcomes(file_of(line)) == [(2, "bad_account_number")]


def test_full_width_characters_are_normalised() -> None:
    plain = row("W-1")
    wide = ",".join("　" + "".join(chr(ord(c) + 0xFEE0) for c in value) + "　" for value in plain.split(","))
    assert staged(file_of(wide)) == staged(file_of(plain))


def test_spaces_and_quotes_around_values_are_ignored() -> None:
    plain = row("W-1")
    dressed = ",".join(f'" {value}\t"' for value in plain.split(","))
    assert staged(file_of(dressed)) == staged(file_of(plain))


def test_doubled_quotes_and_commas_in_a_quoted_value_belong_to_it() -> None:
    assert outcomes(file_of(row('"say ""when"", please"'))) == [(2, "bad_bill_number")]


def test_long_values_of_refused_rows_are_not_cached() -> None:
    before = validation.period_fault.cache_info().currsize, validation.due_date_fault.cache_info().currsize
    staged(file_of(row(period="9" * 60_000), row(due_date="9" * 60_000)))
    after = validation.period_fault.cache_info().currsize, validation.due_date_fault.cache_info().currsize
    assert after[0] - before[0] <= 1  # the one real period of these rows
    assert after[1] == before[1]


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
def test_the_fast_path_and_the_slow_path_agree(columns: dict[str, str]) -> None:
    """One expression matches plain rows; quotes send the same row through the slow path."""
    [fast] = staged(file_of(",".join(columns.values())))
    [slow] = staged(file_of(",".join(f'"{value}"' for value in columns.values())))
    assert [Decimal(fast[5] or 0), *fast[:5], *fast[6:]] == [Decimal(slow[5] or 0), *slow[:5], *slow[6:]]
