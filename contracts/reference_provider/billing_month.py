"""A month of bills as a billing system would export it, faults included, and a record of the planted faults.

The same arguments give the same bytes. A million rows take a few seconds.
"""

import hashlib
import re
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from contracts.reference_provider.books import BilledBill
from contracts.reference_provider.roster import MOST_ACCOUNTS, account_number, position
from contracts.reference_provider.tariff import SAMPLES, Tariff

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030")
LINE_END = "\r\n"
ROWS_AT_ONCE = 10_000
ORIGINALS_KEPT = 200
UNCHANGED = "unchanged"
WHOLE_UNITS = {"water": range(1, 61), "electricity": range(20, 801), "gas": range(1, 121)}
HUNDREDTHS_OF_M2 = range(3_000, 18_001)  # heating is billed by floor area


class Bill(NamedTuple):
    bill_number: str
    account_number: str
    period: str
    usage: str
    amount: str
    due_date: str
    meter_from: str
    meter_to: str


HEADER = ",".join(Bill._fields)


class RefusedRow(NamedTuple):
    row: int
    """The line in the file, the header being line 1."""
    reason: str


@dataclass
class Planted:
    """The answer that the platform must give to the file."""

    rows: int = 0
    accepted: int = 0
    unchanged: int = 0
    refused_rows: list[RefusedRow] = field(default_factory=list)
    blank_lines: int = 0
    sha256: str = ""
    bills: dict[str, Bill] = field(default_factory=dict)
    """The bills of the accounts in `clean`, by account number."""

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(row.reason for row in self.refused_rows))

    @property
    def counts(self) -> dict[str, int]:
        refused = len(self.refused_rows)
        counted = {"accepted": self.accepted, "unchanged": self.unchanged, "amended": 0, "refused": refused}
        return {"rows": self.rows, **counted}

    @property
    def counts_when_sent_again(self) -> dict[str, int]:
        return {**self.counts, "accepted": 0, "unchanged": self.accepted + self.unchanged}


def _full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def _wrong_check_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def _plain(bill: Bill) -> str:
    return ",".join(bill)


def _swapped(bill: Bill) -> Bill:
    higher, lower = bill.meter_to or "2", bill.meter_from or "1"
    return bill._replace(meter_from=higher, meter_to=lower)


def _a_century_later(bill: Bill) -> Bill:
    later = (str(int(day[:4]) + 100) + day[4:] for day in (bill.period, bill.due_date))
    return bill._replace(period=next(later), due_date=next(later))


# Faults of a row, and the platform's answer to each: the reason of its refusal, or None if it is accepted.
SPOILT: Mapping[str, tuple[str | None, Callable[[Bill], str]]] = {
    "full_width": (None, lambda bill: ",".join([bill[0], *map(_full_width, bill[1:])])),
    "quoted": (None, lambda bill: ",".join(f'"{value}"' for value in bill)),
    "spaces": (None, lambda bill: ",".join(f" {value} " for value in bill)),
    "bad_check_digit": (
        "bad_account_check_digit",
        lambda bill: _plain(bill._replace(account_number=_wrong_check_digit(bill.account_number))),
    ),
    "short_account": ("bad_account_number", lambda bill: _plain(bill._replace(account_number=bill.account_number[1:]))),
    "negative_amount": ("amount_not_positive", lambda bill: _plain(bill._replace(amount=f"-{bill.amount}"))),
    "full_width_negative": (
        "amount_not_positive",
        lambda bill: _plain(bill._replace(amount=_full_width(f"-{bill.amount}"))),
    ),
    "zero_amount": ("amount_not_positive", lambda bill: _plain(bill._replace(amount="0.00"))),
    "three_decimals": ("bad_amount", lambda bill: _plain(bill._replace(amount=f"{bill.amount}5"))),
    "huge_amount": ("amount_too_large", lambda bill: _plain(bill._replace(amount="1000000.01"))),
    "usage_in_words": ("bad_usage", lambda bill: _plain(bill._replace(usage="十二"))),
    "thirteenth_month": ("bad_period", lambda bill: _plain(bill._replace(period=f"{bill.period[:4]}-13"))),
    "future_period": ("future_period", lambda bill: _plain(_a_century_later(bill))),
    "impossible_date": ("bad_due_date", lambda bill: _plain(bill._replace(due_date=f"{bill.due_date[:4]}-02-30"))),
    "meter_backwards": ("bad_meter_reading", lambda bill: _plain(_swapped(bill))),
    "remark_as_number": ("bad_bill_number", lambda bill: f'"调整，见""备注"", 补收",{",".join(bill[1:])}'),
    "short_row": ("wrong_column_count", lambda bill: ",".join(bill[:5])),
    "remark_column": ("wrong_column_count", lambda bill: f'{_plain(bill)},"催缴, 已电话通知"'),
}

# Rows of each kind per 100,000. Blank lines are additional.
TYPICAL: Mapping[str, int] = {
    **{kind: 300 if reason is None else 20 for kind, (reason, _) in SPOILT.items()},
    "identical_duplicate": 150,
    "differing_duplicate": 30,
    "blank_line": 50,
}


def typical_dirt(rows: int) -> dict[str, int]:
    return {kind: often * rows // 100_000 for kind, often in TYPICAL.items()}


def write_month(  # noqa: PLR0913 - all but the path are named where it is called
    path: Path,
    *,
    provider_seed: str | int,
    rows: int,
    encoding: str = "utf-8",
    tariff: Tariff = SAMPLES["water"],
    period: str | None = None,
    dirt: Mapping[str, int] | None = None,
    clean: Collection[str] = (),
) -> Planted:
    """Write `rows` rows, one for each of the company's first accounts, some of them with faults.

    `dirt` is the number of rows of each kind (see `TYPICAL`); the default is typical. The accounts in `clean` get a
    bill without a fault, which the result holds in `bills`.
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"Bill files are written in {', '.join(ENCODINGS)}, not in {encoding}.")
    if not 1 <= rows <= MOST_ACCOUNTS:
        raise ValueError(f"A generated month holds 1 to {MOST_ACCOUNTS} rows, not {rows}.")
    period = period or previous_month(datetime.now(UTC).date())
    dirt = typical_dirt(rows) if dirt is None else dirt
    month = _Month(provider_seed, tariff, period, rows, dirt, {position(provider_seed, n, tariff.kind) for n in clean})
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for text in month.texts():
            # A second call with utf-8-sig would put a byte order mark into the middle of the file.
            raw = text.encode("utf-8" if encoding == "utf-8-sig" and file.tell() else encoding)
            digest.update(raw)
            file.write(raw)
    month.planted.sha256 = digest.hexdigest()
    return month.planted


def clean_month(provider_seed: str | int, accounts: int, tariff: Tariff, period: str) -> Iterator[BilledBill]:
    """A bill of the month for each account, for the books and inquiries; it is in no file."""
    draw = Random(f"{provider_seed} {tariff.kind} {period} inquiries").choices  # noqa: S311 - repeatable, not secret
    prefix, due_date = f"{tariff.kind[0].upper()}Q{period.replace('-', '')}-", _due_date(period)
    for n, units in enumerate(draw(WHOLE_UNITS[tariff.kind], k=accounts)):
        fen = tariff.amount_fen(Decimal(units))
        number = account_number(provider_seed, n, tariff.kind)
        yield BilledBill(f"{prefix}{n:07}", number, period, str(units), fen, due_date, "0", str(units))


def previous_month(today: date) -> str:
    return f"{today.year - 1}-12" if today.month == 1 else f"{today.year}-{today.month - 1:02}"


class _Month:
    """Generates the rows, with the planted faults, and counts the rows by outcome."""

    def __init__(
        self, seed: str | int, tariff: Tariff, period: str, rows: int, dirt: Mapping[str, int], clean: set[int]
    ) -> None:
        self.planted = Planted()
        self._random = Random(f"{seed} {tariff.kind} {period}")  # noqa: S311 - repeatable, not secret
        self._seed, self._kind, self._rows, self._clean = seed, tariff.kind, rows, clean
        self._period, self._due_date = period, _due_date(period)
        self._bill_prefix = f"{tariff.kind[0].upper()}{period.replace('-', '')}-"
        self._metered = tariff.kind in WHOLE_UNITS
        self._prices = _prices(tariff)
        self._dirt_at = self._place(dirt)
        self._blanks_before = Counter(self._random.choices(range(rows), k=dirt.get("blank_line", 0)))
        self._special = {*self._dirt_at, *self._blanks_before, *clean}
        self._originals: deque[Bill] = deque(maxlen=ORIGINALS_KEPT)

    def _place(self, dirt: Mapping[str, int]) -> dict[int, str]:
        if unknown := set(dirt) - set(TYPICAL):
            raise ValueError(f"Unknown dirt: {', '.join(sorted(unknown))}. Known: {', '.join(TYPICAL)}.")
        if self._clean and max(self._clean) >= self._rows:
            raise ValueError(f"A file of {self._rows} rows holds accounts 0 to {self._rows - 1} only.")
        kinds = [kind for kind, rows in dirt.items() for _ in range(rows) if kind != "blank_line"]
        self._random.shuffle(kinds)
        free = [n for n in range(self._rows) if n not in self._clean]
        if len(kinds) >= len(free):
            raise ValueError(f"{self._rows} rows are too few for {len(kinds)} rows with faults.")
        # The first free row stays without a fault, so that a duplicate always has a row to repeat.
        return dict(zip(self._random.sample(free[1:], len(kinds)), kinds, strict=True)) if kinds else {}

    def texts(self) -> Iterator[str]:
        yield HEADER + LINE_END
        for first in range(0, self._rows, ROWS_AT_ONCE):
            lines: list[str] = []
            for n, bill in enumerate(self._bills(first), first):
                if n in self._special:
                    lines += self._special_lines(n, bill)
                else:
                    lines.append(",".join(bill))
                    self.planted.accepted += 1
                    if not self._originals or n % 50 == 0:
                        self._originals.append(bill)
            self.planted.rows += len(lines)
            yield LINE_END.join([*lines, ""])
        self.planted.rows -= self.planted.blank_lines

    def _bills(self, first: int) -> Iterator[Bill]:
        rows = range(first, min(first + ROWS_AT_ONCE, self._rows))
        sold = self._random.choices(self._prices, k=len(rows))
        meters = self._random.choices(range(9_000), k=len(rows))
        for n, (units, usage, amount), meter in zip(rows, sold, meters, strict=True):
            number = account_number(self._seed, n, self._kind)
            readings = (str(meter), str(meter + units)) if self._metered else ("", "")
            bill_number = f"{self._bill_prefix}{n:07}"
            yield Bill(bill_number, number, self._period, usage, amount, self._due_date, *readings)

    def _special_lines(self, n: int, bill: Bill) -> list[str]:
        blanks = self._blanks_before[n]
        self.planted.blank_lines += blanks
        if n in self._clean:
            self.planted.bills[bill.account_number] = bill
        reason, line = self._spoil(self._dirt_at.get(n), bill)
        if reason is None:
            self.planted.accepted += 1
        elif reason == UNCHANGED:
            self.planted.unchanged += 1
        else:
            self.planted.refused_rows.append(RefusedRow(n + 2 + self.planted.blank_lines, reason))
        return [*[""] * blanks, line]

    def _spoil(self, kind: str | None, bill: Bill) -> tuple[str | None, str]:
        if kind is None:
            return None, _plain(bill)
        if kind in SPOILT:
            reason, spoil = SPOILT[kind]
            return reason, spoil(bill)
        at = self._random.randrange(len(self._originals))
        original = self._originals[at]
        if len(self._originals) > 1:  # where there is a choice, each is repeated only once
            del self._originals[at]
        if kind == "identical_duplicate":
            return UNCHANGED, _plain(original)
        return "duplicate_in_file", _plain(original._replace(amount=str(Decimal(original.amount) + 1)))


def _prices(tariff: Tariff) -> list[tuple[int, str, str]]:
    """Usage as a whole number, usage and amount as written, for every usage that occurs."""
    if tariff.kind in WHOLE_UNITS:
        return [(units, str(units), _yuan(tariff.amount_fen(Decimal(units)))) for units in WHOLE_UNITS[tariff.kind]]
    areas = ((hundredths, Decimal(hundredths) / 100) for hundredths in HUNDREDTHS_OF_M2)
    return [(hundredths, f"{area:.2f}", _yuan(tariff.amount_fen(area))) for hundredths, area in areas]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def _due_date(period: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", period):
        raise ValueError(f"{period} is no month like 2025-10.")
    year, month = (int(part) for part in period.split("-"))
    return date(year + month // 12, month % 12 + 1, 25).isoformat()
