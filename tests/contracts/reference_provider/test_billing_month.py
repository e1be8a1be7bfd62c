"""The generator of a month of bills, checked by a slow reader written from the table of the bill file."""

import csv
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from stdnum import luhn, verhoeff
from stdnum.iso7064 import mod_11_10

from contracts.reference_provider.billing_month import (
    ENCODINGS,
    SPOILT,
    TYPICAL,
    RefusedRow,
    previous_month,
    typical_dirt,
    write_month,
)
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import account_number
from contracts.reference_provider.tariff import SAMPLES

ONE_OF_EACH = dict.fromkeys(TYPICAL, 1)


def lines(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Every row and its line number, blank lines left out. No generated field holds a line break."""
    text = path.read_bytes().decode(encoding)
    assert text.endswith("\r\n")
    for number, line in enumerate(text.split("\r\n")[:-1], 1):
        if line:
            yield number, next(csv.reader([line], strict=True))


CHECKS: dict[str, Callable[[str], bool]] = {
    "mod_11_10": mod_11_10.is_valid,
    "luhn": luhn.is_valid,
    "verhoeff": verhoeff.is_valid,
    "none": lambda _number: True,
}


def in_days(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def reason(row: list[str], kind: str) -> str | None:
    if len(row) != 8:
        return "wrong_column_count"
    number, account, period, usage, amount, due, before, after = row
    first, day = in_days(f"{period}-01"), in_days(due)
    faults: dict[str, Callable[[], object]] = {
        "bad_bill_number": lambda: not re.fullmatch(r"[A-Za-z0-9-]{1,32}", number),
        "bad_account_number": lambda: not re.fullmatch(NUMBERINGS[kind].customer_parameters["pattern"], account),
        "bad_account_check_digit": lambda: not CHECKS[NUMBERINGS[kind].customer_parameters["check_rule"]](account),
        "bad_period": lambda: first is None,
        "future_period": lambda: first and first > datetime.now(UTC).date(),
        "bad_usage": lambda: not re.fullmatch(r"[0-9]+(\.[0-9]{1,3})?", usage),
        "bad_amount": lambda: not re.fullmatch(r"-?[0-9]+(\.[0-9]{1,2})?", amount),
        "amount_not_positive": lambda: Decimal(amount) <= 0,
        "amount_too_large": lambda: Decimal(amount) > 1_000_000,
        "bad_due_date": lambda: not (first and day and first <= day <= first.replace(year=first.year + 2)),
        "bad_meter_reading": lambda: (before or after) and Decimal(before) > Decimal(after),
    }
    return next((why for why, fault in faults.items() if fault()), None)


def read(path: Path, encoding: str, kind: str = "water") -> tuple[Counter[str], list[RefusedRow]]:
    counts: Counter[str] = Counter()
    refused: list[RefusedRow] = []
    seen: dict[str, list[str]] = {}
    for line, raw in [*lines(path, encoding)][1:]:
        row = [unicodedata.normalize("NFKC", value).strip() for value in raw]
        why = reason(row, kind)
        if why is None and seen.setdefault(row[0], row) != row:
            why = "duplicate_in_file"
        if why:
            refused.append(RefusedRow(line, why))
        counts["rows"] += 1
        counts["refused" if why else "accepted" if seen[row[0]] is row else "unchanged"] += 1
    return counts, refused


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize(("rows", "dirt"), [(30, ONE_OF_EACH), (3_000, dict.fromkeys(TYPICAL, 40)), (40, {})])
def test_what_was_planted_is_what_a_reader_finds(
    tmp_path: Path, encoding: str, kind: str, rows: int, dirt: dict[str, int]
) -> None:
    path = tmp_path / "month.csv"
    planted = write_month(path, provider_seed=kind, rows=rows, encoding=encoding, tariff=SAMPLES[kind], dirt=dirt)
    counts, refused = read(path, encoding, kind)
    assert {**planted.counts} == {**dict.fromkeys(planted.counts, 0), **counts}
    assert planted.refused_rows == refused
    assert planted.rows == rows
    assert planted.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_kind_of_dirt_is_planted_as_often_as_asked(tmp_path: Path) -> None:
    planted = write_month(tmp_path / "month.csv", provider_seed=1, rows=200, dirt=dict.fromkeys(TYPICAL, 3))
    expected = Counter({"duplicate_in_file": 3})
    for why, _ in SPOILT.values():
        if why:
            expected[why] += 3
    assert planted.reasons == dict(expected)
    assert (planted.unchanged, planted.blank_lines) == (3, 3)
    assert planted.accepted == 200 - 3 - expected.total()


def test_a_typical_month_of_100000_rows(tmp_path: Path) -> None:
    path = tmp_path / "month.csv"
    planted = write_month(path, provider_seed="typical", rows=100_000, encoding="gb18030")
    counts, refused = read(path, "gb18030")
    assert dict(counts) == {name: count for name, count in planted.counts.items() if count}
    assert refused == planted.refused_rows
    assert (
        planted.counts["refused"]
        == sum(often for kind, often in TYPICAL.items() if kind in SPOILT and SPOILT[kind][0])
        + TYPICAL["differing_duplicate"]
    )


def test_sent_again_it_changes_nothing(tmp_path: Path) -> None:
    planted = write_month(tmp_path / "month.csv", provider_seed=1, rows=100, dirt=ONE_OF_EACH)
    again = planted.counts_when_sent_again
    assert again["accepted"] == 0
    assert again["unchanged"] == planted.accepted + planted.unchanged
    assert (again["refused"], again["rows"]) == (planted.counts["refused"], 100)


def test_the_same_arguments_give_the_same_bytes_and_other_seeds_others(tmp_path: Path) -> None:
    def digest(seed: str, period: str = "2025-10") -> str:
        return write_month(tmp_path / "month.csv", provider_seed=seed, rows=500, period=period).sha256

    assert digest("one") == digest("one")
    assert len({digest("one"), digest("two"), digest("one", "2025-09")}) == 3


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_clean_amount_is_what_the_tariff_explains(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "month.csv"
    write_month(path, provider_seed=1, rows=2_000, tariff=SAMPLES[kind], dirt={})
    for _, row in [*lines(path, "utf-8")][1:]:
        usage, amount = Decimal(row[3]), Decimal(row[4])
        assert SAMPLES[kind].amount_fen(usage) == amount * 100
        if row[6]:
            assert Decimal(row[7]) - Decimal(row[6]) == usage


def test_an_account_asked_to_be_clean_has_one_faultless_bill(tmp_path: Path) -> None:
    path, clean = tmp_path / "month.csv", [account_number("one", n) for n in (0, 7, 19)]
    for seed_of_dirt in ("2025-01", "2025-02", "2025-03", "2025-04"):
        planted = write_month(path, provider_seed="one", rows=40, period=seed_of_dirt, dirt=ONE_OF_EACH, clean=clean)
        assert set(planted.bills) == set(clean)
        rows = [row for _, row in lines(path, "utf-8")]
        for account, bill in planted.bills.items():
            assert [row for row in rows if len(row) > 1 and row[1] == account] == [list(bill)]
            assert [row for row in rows if row[0] == bill.bill_number] == [list(bill)]


def test_a_utf8_file_may_begin_with_a_byte_order_mark_and_holds_no_second_one(tmp_path: Path) -> None:
    path = tmp_path / "month.csv"
    write_month(path, provider_seed=1, rows=25_000, encoding="utf-8-sig")
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfbill_number,")
    assert raw.count(b"\xef\xbb\xbf") == 1


def test_gb18030_holds_chinese_that_utf8_would_write_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "month.csv"
    write_month(path, provider_seed=1, rows=100, encoding="gb18030", dirt=ONE_OF_EACH)
    with pytest.raises(UnicodeDecodeError):
        path.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"encoding": "utf-16"}, "Bill files are written in utf-8, utf-8-sig, gb18030, not in utf-16."),
        ({"dirt": {"typo": 1}}, "Unknown dirt: typo."),
        ({"dirt": {"zero_amount": 10}}, "10 rows are too few for 10 rows with faults."),
        ({"clean": [account_number(1, 10)]}, "A file of 10 rows holds accounts 0 to 9 only."),
        ({"clean": ["1234567890"]}, "1234567890 is not an account number of this company"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(tmp_path: Path, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        write_month(tmp_path / "month.csv", provider_seed=1, rows=10, **arguments)  # type: ignore[arg-type]  # any
    assert not (tmp_path / "month.csv").exists()


def test_a_small_file_is_clean_unless_dirt_is_asked_for() -> None:
    assert set(typical_dirt(100).values()) == {0}


@pytest.mark.parametrize(("today", "month"), [(date(2026, 1, 31), "2025-12"), (date(2026, 3, 1), "2026-02")])
def test_the_previous_month(today: date, month: str) -> None:
    assert previous_month(today) == month
