"""Confirms channels' money on the bank account: a day's bill is booked once its money has arrived."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from svc_payments.amounts import money
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.oversight.audit import service as audit
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.models import Source, Statement
from svc_payments.reconciliation.statements.service import Counterparty


class FundsDiffer(Problem):
    """The amount at the bank differs from the bill less refunds and fees."""

    status, code = 409, "funds_differ"


class FundsAlreadyConfirmed(Problem):
    status, code = 409, "funds_already_confirmed"


class StatementReplaced(Problem):
    """A newer file of the day has replaced this one."""

    status, code = 409, "statement_replaced"


async def confirm(tx: AsyncSession, caller: Caller, statement_id: UUID, amount_fen: int, reason: str) -> Statement:
    """Book the arrival of a day's money, less the channel's fees. Once for a day, whichever version of its bill.

    Raises:
        NotFound: there is no such bill of a channel.
        StatementReplaced, FundsAlreadyConfirmed, FundsDiffer
    """
    statement = await statements.statement(tx, statement_id)
    if statement.source != Source.CHANNEL:
        raise NotFound
    counterparty = Counterparty(Source.CHANNEL, statement.holder)
    # The lock that ingestion takes: no newer version can come between.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(counterparty.lock, 0))))
    if await _confirmed_before(tx, statement):
        raise FundsAlreadyConfirmed
    newest = await statements.current(tx, counterparty, statement.day)
    if newest is None or newest.id != statement.id:
        raise StatementReplaced
    net_fen = statement.in_fen - statement.out_fen - statement.fee_fen
    if amount_fen != net_fen:
        raise FundsDiffer(**money(expected=net_fen, amount=amount_fen))
    newest.settled_at = await database_time(tx)
    await audit.record(tx, caller, "confirm_channel_funds", statement.id, reason=reason, amount_fen=amount_fen)
    receivable = ledger.channel_receivable(statement.holder)
    for kind, other, fen in (
        (TransferKind.CHANNEL_FEE, ledger.fees(statement.holder), statement.fee_fen),
        (TransferKind.CHANNEL_SETTLED, ledger.bank(), net_fen),
    ):
        if fen:
            await ledger.transfer_legs(tx, kind, statement.id, {other: fen, receivable: -fen})
    return newest


async def _confirmed_before(tx: AsyncSession, statement: Statement) -> bool:
    confirmed = select(Statement.id).where(
        Statement.source == statement.source,
        Statement.holder == statement.holder,
        Statement.day == statement.day,
        Statement.settled_at.is_not(None),
    )
    return await tx.scalar(confirmed) is not None
