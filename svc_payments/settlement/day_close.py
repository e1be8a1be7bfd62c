"""Closes a day: movements on providers' accounts become lines, and the payable lines become settlements.

A booking is held while a discrepancy about it or its payment is open, and until the day on which its channel took the
money has been reconciled: no provider is paid with money that may be missing. Held bookings are in the first
settlement after that.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, new_id
from chassis.outbox import emit
from chassis.problems import Problem
from kit.calendar import database_time
from svc_payments.billing.terms import service as payment_terms
from svc_payments.billing.terms.terms import BorneBy, Fee
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.reconciliation.statements.layouts import OF_CHANNELS
from svc_payments.settlement.events import SettlementClosed
from svc_payments.settlement.models import Settlement, SettlementStatus

_OVERLAP = timedelta(days=1)
"""Looked at again each day: a transfer has the time at which its transaction began, and may have come after all."""

_COLLECT = """
    INSERT INTO settlement_lines (transfer_id, provider_id, kind, reference_id, payment_id, amount_fen, moved_at)
    SELECT transfer.id, CAST(account.holder AS uuid), transfer.kind, transfer.reference_id, posting.payment_id,
        -entry.amount_fen, transfer.created_at
    FROM ledger_transfers AS transfer
    JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
    JOIN ledger_accounts AS account ON account.id = entry.account_id AND account.kind = 'provider_payable'
    LEFT JOIN postings AS posting ON posting.id = transfer.reference_id
    WHERE transfer.created_at >= :begins AND transfer.created_at < :ends
        AND transfer.kind NOT IN ('provider_fee', 'provider_settled')
        -- Closing is tried many times a day: a query is much cheaper than an insert that conflicts.
        AND NOT EXISTS (SELECT FROM settlement_lines AS line WHERE line.transfer_id = transfer.id)
    ON CONFLICT DO NOTHING
"""
_PROVIDERS = """
    SELECT DISTINCT provider_id FROM settlement_lines WHERE settlement_id IS NULL AND moved_at < :ends
    AND provider_id NOT IN (SELECT provider_id FROM settlements WHERE day = :day) ORDER BY provider_id
"""
# The runs that have to be finished before a payment counts as there: its day's and, for one of the last hour, in which
# it may stand on the next day's bill, that day's.
_NOT_RECONCILED = """
    EXISTS (
        SELECT FROM payment_attempts AS attempt
        CROSS JOIN LATERAL (VALUES (attempt.paid_at), (attempt.paid_at + :midnight)) AS moment (at)
        WHERE attempt.payment_id = line.payment_id AND attempt.channel = ANY (CAST(:channels AS text[]))
        AND NOT EXISTS (
            SELECT FROM reconciliation_runs AS run
            WHERE run.source = 'channel' AND run.holder = attempt.channel AND run.phase = 'finished'
            AND run.day = CAST(moment.at AT TIME ZONE 'Asia/Shanghai' AS date)
        )
    )
"""
# What may not be paid yet. Refunded money is never held: it would be paid and have to be reclaimed.
_HELD = f"""
    line.kind = 'bill_booked' AND (
        {_NOT_RECONCILED}
        OR EXISTS (SELECT FROM cases WHERE status <> 'closed' AND reference_id IN (line.reference_id, line.payment_id))
    )
"""
_TAKE = f"""
    UPDATE settlement_lines SET settlement_id = :settlement_id
    WHERE transfer_id IN (
        SELECT transfer_id FROM settlement_lines AS line
        WHERE provider_id = :provider_id AND settlement_id IS NULL AND moved_at < :ends AND NOT ({_HELD})
    )
"""  # noqa: S608 - the condition above
# A payment is charged on what of it is booked here, and its fixed part with the first of its bookings ever settled.
_CHARGE = """
    WITH paid AS (
        SELECT line.payment_id,
            (array_agg(line.transfer_id ORDER BY line.transfer_id) FILTER (WHERE kind = 'bill_booked'))[1] AS first,
            CAST(greatest(sum(line.amount_fen), 0) AS bigint) AS fen, payment.channel
        FROM settlement_lines AS line JOIN payments AS payment ON payment.id = line.payment_id
        WHERE line.settlement_id = :settlement_id
        GROUP BY line.payment_id, payment.channel
    ), fees AS (
        SELECT * FROM unnest(
            CAST(:channels AS text[]), CAST(:basis_points AS bigint[]), CAST(:fixed_fen AS bigint[])
        ) AS fee (channel, basis_points, fixed_fen)
    )
    UPDATE settlement_lines SET fee_fen = (paid.fen * fees.basis_points + 5000) / 10000 + CASE
        WHEN EXISTS (
            SELECT FROM settlement_lines AS earlier WHERE earlier.payment_id = paid.payment_id
            AND earlier.kind = 'bill_booked' AND earlier.settlement_id <> :settlement_id
        ) THEN 0 ELSE fees.fixed_fen END
    FROM paid JOIN fees USING (channel)
    WHERE settlement_lines.transfer_id = paid.first AND paid.fen > 0
"""
_COUNT = """
    SELECT count(*) AS lines, count(*) FILTER (WHERE kind = 'bill_booked') AS bookings,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'bill_booked'), 0) AS booked_fen,
        -coalesce(sum(amount_fen) FILTER (WHERE kind <> 'bill_booked'), 0) AS returned_fen,
        coalesce(sum(fee_fen), 0) AS fee_fen
    FROM settlement_lines WHERE settlement_id = :settlement_id
"""
_COUNT_HELD = """
    SELECT count(*) AS bookings, coalesce(sum(amount_fen), 0) AS fen FROM settlement_lines
    WHERE provider_id = :provider_id AND settlement_id IS NULL AND moved_at < :ends
"""


class DayNotOver(Problem):
    """Today's movements are settled after the day has ended."""

    status, code = 409, "day_not_over"


async def close_day(tx: AsyncSession, day: date, midnight: timedelta) -> Sequence[Settlement]:
    """Close a day for every provider that it is not closed for. Done again, nothing more comes of it.

    Args:
        tx: the transaction.
        day: which day, in Beijing.
        midnight: how long before the end of a day a payment may be on the next day's bill.

    Raises:
        DayNotOver: something may still move on it.
    """
    begins = datetime.combine(day, time(), CHINA)
    ends = begins + timedelta(days=1)
    if await database_time(tx) < ends:
        raise DayNotOver(day=day.isoformat())
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("settlements", 0))))
    await tx.execute(text(_COLLECT), {"begins": begins - _OVERLAP, "ends": ends})
    until = {"ends": ends, "midnight": midnight}
    providers = (await tx.scalars(text(_PROVIDERS), {"ends": ends, "day": day})).all()
    closed = [await _close(tx, provider_id, day, until) for provider_id in providers]
    settlements = [settlement for settlement in closed if settlement is not None]
    for settlement in settlements:
        if settlement.fee_fen:
            await ledger.transfer(
                tx,
                TransferKind.PROVIDER_FEE,
                settlement.id,
                debit=ledger.provider_payable(settlement.provider_id),
                credit=ledger.fees(str(settlement.provider_id)),
                amount_fen=settlement.fee_fen,
            )
    return settlements


async def _close(tx: AsyncSession, provider_id: UUID, day: date, until: dict[str, Any]) -> Settlement | None:
    """One provider's settlement; none when there is nothing to settle, or more went back than was booked.

    In the latter case its lines wait for bookings to set them off against.
    """
    async with tx.begin_nested() as attempt:
        settlement = Settlement(
            id=new_id(), provider_id=provider_id, day=day, status=SettlementStatus.CLOSED, **_NOTHING
        )
        tx.add(settlement)
        await tx.flush()
        on = {"provider_id": provider_id, "settlement_id": settlement.id, **until}
        await _execute(tx, _TAKE, on | {"channels": list(OF_CHANNELS)})
        await _execute(tx, _CHARGE, on | await _fees(tx, provider_id, day))
        counted = (await tx.execute(text(_COUNT), {"settlement_id": settlement.id})).one()
        payable_fen = int(counted.booked_fen - counted.returned_fen - counted.fee_fen)
        if not counted.lines or payable_fen < 0:
            await attempt.rollback()
            return None
        held = (await tx.execute(text(_COUNT_HELD), {"provider_id": provider_id, "ends": until["ends"]})).one()
        settlement.bookings, settlement.booked_fen = counted.bookings, int(counted.booked_fen)
        settlement.returned_fen, settlement.fee_fen = int(counted.returned_fen), int(counted.fee_fen)
        settlement.held_bookings, settlement.held_fen = held.bookings, int(held.fen)
        settlement.payable_fen = payable_fen
        if not payable_fen:
            settlement.status, settlement.confirmed_at = SettlementStatus.CONFIRMED, await database_time(tx)
        await emit(tx, _closed(settlement))
    return settlement


_NOTHING = dict.fromkeys(
    ("bookings", "booked_fen", "returned_fen", "fee_fen", "payable_fen", "held_bookings", "held_fen"), 0
)


async def _fees(tx: AsyncSession, provider_id: UUID, day: date) -> dict[str, list[Any]]:
    """What the provider pays for payments over each channel, by its terms of the day."""
    terms = (await payment_terms.history(tx, provider_id)).on(day)
    fees: dict[str, Fee] = {
        each.channel: each.fee
        for each in terms.channels or ()
        if each.fee is not None and each.fee.borne_by == BorneBy.PROVIDER
    }
    return {
        "channels": list(fees),
        "basis_points": [fee.basis_points for fee in fees.values()],
        "fixed_fen": [fee.fixed_fen for fee in fees.values()],
    }


async def _execute(tx: AsyncSession, statement: str, parameters: dict[str, Any]) -> None:
    await tx.execute(text(statement), {name: parameters[name] for name in parameters if f":{name}" in statement})


def _closed(settlement: Settlement) -> SettlementClosed:
    return SettlementClosed(
        settlement_id=settlement.id,
        provider_id=settlement.provider_id,
        day=settlement.day,
        bookings=settlement.bookings,
        booked_fen=settlement.booked_fen,
        returned_fen=settlement.returned_fen,
        fee_fen=settlement.fee_fen,
        payable_fen=settlement.payable_fen,
        held_fen=settlement.held_fen,
    )
