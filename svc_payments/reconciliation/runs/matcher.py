"""Matches a day's statement with the ledger in sets: one full join, then the few that did not match."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from svc_payments.reconciliation.runs import movements
from svc_payments.reconciliation.statements.models import Source, Statement
from svc_payments.reconciliation.statements.service import Counterparty

LONGEST_CARRY = timedelta(days=3)
"""How long to wait for the next day's statement before judging without it."""

_FOUND = """
    CREATE TEMPORARY TABLE found (
        movement text, number text, transaction_id text, day date,
        statement_fen bigint, statement_state text, statement_at timestamptz,
        ledger_fen bigint, ledger_state text, ledger_at timestamptz,
        reference_id uuid, result text, difference_fen bigint
    ) ON COMMIT DROP
"""
# Room for the hash of a million lines, which the default of 4 MB would spill in many batches.
_ROOM = "SET LOCAL work_mem = '256MB'"

# Keeps only what is not equal; the number of matches follows from what is not kept.
_MATCH = """
    WITH ours AS ({ours}), lines AS (SELECT * FROM statement_lines WHERE statement_id = :statement_id)
    INSERT INTO found
    SELECT coalesce(lines.movement, ours.movement), coalesce(lines.number, ours.number),
        coalesce(lines.transaction_id, ours.transaction_id), :day, lines.amount_fen, lines.state, lines.at,
        ours.amount_fen, CASE WHEN ours.number IS NOT NULL THEN 'done' END, ours.at, ours.reference_id
    FROM lines
    FULL JOIN ours ON ours.number = lines.number AND ours.transaction_id = lines.transaction_id
    WHERE lines.amount_fen IS DISTINCT FROM ours.amount_fen OR lines.state NOT IN ('done', 'accepted')
"""
_COUNT = """
    SELECT count(statement_fen) AS lines, count(ledger_fen) AS movements FROM found
"""
_LOOK = "ANALYZE found"

# A reversed booking may be missing from the provider's file: then both sides agree that nothing is booked.
_FORGET_REVERSED = """
    DELETE FROM found WHERE statement_fen IS NULL AND EXISTS (
        SELECT FROM ledger_transfers AS transfer
        WHERE transfer.kind = 'booking_reversed' AND transfer.reference_id = found.reference_id
    )
"""
# What the previous day's run left to this one, unless it was run again and left nothing.
_CARRIED_IN = """
    INSERT INTO found
    SELECT movement, number, transaction_id, day, statement_fen, statement_state, statement_at,
        ledger_fen, ledger_state, ledger_at, reference_id
    FROM reconciliation_findings
    WHERE result = 'carried_over' AND run_id = (
        SELECT id FROM reconciliation_runs
        WHERE source = :source AND holder = :holder AND day = CAST(:day AS date) - 1 AND phase = 'finished'
        ORDER BY finished_at DESC LIMIT 1
    )
    AND NOT EXISTS (SELECT FROM found AS known WHERE known.number = reconciliation_findings.number
        AND known.transaction_id = reconciliation_findings.transaction_id)
"""

# The statements of the days around that count. A channel or provider may have done a week ago what we learned of today:
# an answer was lost, and the other side could not be queried for so long.
_AROUND = """
    CREATE TEMPORARY TABLE around ON COMMIT DROP AS
    SELECT DISTINCT ON (day) id, day FROM statements
    WHERE source = :source AND holder = :holder AND day BETWEEN CAST(:day AS date) - 8 AND CAST(:day AS date) + 1
    ORDER BY day, version DESC
"""
# A movement of the ledger that is on a line of another day, and the other way round. A line that stands on
# two days' statements belongs to the one of its movement's day; the other one is an excess.
_FIND_LINES = """
    UPDATE found SET statement_fen = line.amount_fen, statement_state = line.state, statement_at = line.at
    FROM statement_lines AS line JOIN around ON around.id = line.statement_id
    WHERE found.statement_fen IS NULL AND around.day BETWEEN found.day - 7 AND found.day + 1
        AND line.number = found.number AND line.transaction_id = found.transaction_id
"""
# A refund that succeeds later than that stands where it was accepted, on whichever day.
_FIND_ACCEPTED = """
    UPDATE found SET statement_fen = line.amount_fen, statement_state = line.state, statement_at = line.at
    FROM statement_lines AS line JOIN statements AS bill ON bill.id = line.statement_id
    WHERE found.statement_fen IS NULL AND found.movement = 'refund'
        AND line.state = 'accepted' AND line.number = found.number AND line.transaction_id = found.transaction_id
        AND bill.source = :source AND bill.holder = :holder AND NOT EXISTS (
            SELECT FROM statements AS newer WHERE newer.source = bill.source AND newer.holder = bill.holder
            AND newer.day = bill.day AND newer.version > bill.version
        )
"""
_FIND_MOVEMENTS = """
    WITH ours AS ({ours})
    UPDATE found SET ledger_fen = ours.amount_fen, ledger_state = 'done', ledger_at = ours.at,
        reference_id = ours.reference_id
    FROM ours
    WHERE found.ledger_fen IS NULL AND ours.number = found.number AND ours.transaction_id = found.transaction_id
        AND NOT EXISTS (
            SELECT FROM statement_lines AS line JOIN around ON around.id = line.statement_id
            WHERE around.day <> found.day AND line.number = found.number AND line.transaction_id = found.transaction_id
        )
"""
_NAME = """
    WITH known AS ({known})
    UPDATE found SET reference_id = known.reference_id, ledger_state = known.state
    FROM known WHERE found.ledger_fen IS NULL AND known.number = found.number
"""

# Money counts only where it was done. What neither side has done is nothing to talk about, nor is a refund that the
# channel has accepted and we still wait for.
_WEIGH = """
    UPDATE found SET difference_fen = CASE
        WHEN statement_state = 'done' THEN statement_fen
        WHEN statement_state = 'accepted' AND ledger_state IS DISTINCT FROM 'open' THEN statement_fen
        ELSE 0
    END - coalesce(ledger_fen, 0)
"""
_JUDGE = """
    UPDATE found SET result = CASE
        WHEN difference_fen = 0 THEN CASE WHEN ledger_fen IS NULL THEN 'nothing' ELSE 'late' END
        WHEN statement_fen IS NOT NULL AND ledger_fen IS NOT NULL AND statement_state IN ('done', 'accepted')
            THEN 'amount_differs'
        WHEN statement_state IS NOT NULL AND ledger_state IS NOT NULL THEN 'state_differs'
        WHEN coalesce(statement_at, ledger_at) >= :closing AND day = :day AND now() < :waited_for
            AND NOT EXISTS (SELECT FROM around WHERE around.day = CAST(:day AS date) + 1) THEN 'carried_over'
        WHEN difference_fen > 0 THEN 'excess'
        ELSE 'shortage'
    END
"""
_FORGET = "DELETE FROM found WHERE result = 'nothing'"
_KEEP = """
    INSERT INTO reconciliation_findings (run_id, movement, number, transaction_id, day, result, statement_fen,
        statement_state, statement_at, ledger_fen, ledger_state, ledger_at, difference_fen, reference_id)
    SELECT :run_id, movement, number, transaction_id, day, result, statement_fen, statement_state, statement_at,
        ledger_fen, ledger_state, ledger_at, difference_fen, reference_id
    FROM found
"""
_RESULTS = "SELECT result, count(*) AS number, sum(difference_fen) AS fen FROM found GROUP BY result"


@dataclass(frozen=True)
class Day:
    """A day in Beijing, and its last minutes, whose movements may be on the next day's statement."""

    day: date
    grace: timedelta

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.day, time(), CHINA)

    @property
    def ends(self) -> datetime:
        return self.begins + timedelta(days=1)


@dataclass(frozen=True)
class Compared:
    """How many of both sides there were, and how many did not plainly agree."""

    movements: int
    matched: int


async def compare(tx: AsyncSession, statement: Statement, day: Day) -> Compared:
    """Match every line of a statement with the ledger's movements of its day; the rest goes to `found`."""
    await tx.execute(text(_FOUND))
    await tx.execute(text(_ROOM))
    account_id = await _account(tx, statement)
    bounds = {"begins": day.begins, "ends": day.ends, "day": day.day, "statement_id": statement.id}
    ours = movements.of_day(Source(statement.source))
    await tx.execute(text(_MATCH.format(ours=ours)), {**bounds, **_holder_of(statement), "account_id": account_id})
    count = (await tx.execute(text(_COUNT))).one()
    matched = statement.lines - count.lines
    return Compared(movements=matched + count.movements, matched=matched)


async def has_movements(tx: AsyncSession, counterparty: Counterparty, day: Day) -> bool:
    """Whether the ledger has any movement of a day that the statement should have."""
    account_id = await _account(tx, counterparty)
    bounds = {"begins": day.begins, "ends": day.ends, "holder": counterparty.holder, "account_id": account_id}
    query = f"SELECT EXISTS ({movements.of_day(counterparty.source)})"
    return bool(await tx.scalar(text(query), bounds))


async def judge(tx: AsyncSession, statement: Statement, day: Day, run_id: UUID) -> dict[str, tuple[int, int]]:
    """Classify what did not match: find it on the days around, or name the difference.

    Returns:
        For each result how many there are, and the fen by which the statement has more than the ledger.
    """
    holder, source = _holder_of(statement), Source(statement.source)
    ours = {**holder, "account_id": await _account(tx, statement)}
    on_day = {"source": statement.source, "holder": statement.holder, "day": day.day}
    waiting = {"closing": day.ends - day.grace, "day": day.day, "waited_for": day.ends + LONGEST_CARRY}
    steps: list[tuple[str, dict[str, Any]]] = [
        (_CARRIED_IN, on_day),
        (_LOOK, {}),
        (_AROUND, on_day),
        (_FIND_LINES, {}),
        (_FIND_ACCEPTED, {"source": statement.source, **holder}),
        (_FIND_MOVEMENTS.format(ours=movements.looked_for(source)), ours),
        (_FORGET_REVERSED, {}),
        (_NAME.format(known=movements.known(source)), holder),
        (_WEIGH, {}),
        (_JUDGE, waiting),
        (_FORGET, {}),
        (_KEEP, {"run_id": run_id}),
    ]
    for step, parameters in steps:
        await tx.execute(text(step), parameters)
    return {row.result: (row.number, int(row.fen)) for row in await tx.execute(text(_RESULTS))}


def _holder_of(statement: Statement) -> dict[str, Any]:
    return {"holder": statement.holder}


async def _account(tx: AsyncSession, statement: Statement | Counterparty) -> UUID | None:
    """The account on which the ledger counts what the statement is about; none when nothing ever moved."""
    kind = "provider_payable" if statement.source == Source.PROVIDER else "channel_receivable"
    wanted = text("SELECT id FROM ledger_accounts WHERE kind = :kind AND holder = :holder")
    found: UUID | None = await tx.scalar(wanted, {"kind": kind, "holder": statement.holder})
    return found
