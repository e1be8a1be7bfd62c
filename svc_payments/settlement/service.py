"""Access to settlements, and the actions of staff on them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, Database
from chassis.problems import NotFound
from svc_payments.oversight.audit import service as audit
from svc_payments.reconciliation.statements import schemas as statement_schemas
from svc_payments.settings import Settings
from svc_payments.settlement import channel_funds, day_close, schemas, transfers
from svc_payments.settlement.models import Settlement, TransferFile

_DAYS_BACK = 7
"""A worker that did not run for so long closes the days it missed, the oldest first."""


async def visible(tx: AsyncSession, caller: Caller, settlement_id: UUID) -> Settlement:
    """A settlement that the caller may see.

    Raises:
        NotFound: there is none, or it belongs to another provider; the answer does not say which.
    """
    settlement = await tx.get(Settlement, settlement_id)
    if settlement is None or (caller.kind == "client" and settlement.provider_id != caller.id):
        raise NotFound
    return settlement


async def close_due(database: Database, settings: Settings) -> None:
    """Close the last days, an hour after the channels' bills are fetched; a closed day stays as it is."""
    moment = datetime.now(CHINA)
    if moment.hour <= settings.statements_from_hour:
        return
    for back in range(_DAYS_BACK, 0, -1):
        async with database.transaction() as tx:
            day = moment.date() - timedelta(days=back)
            await day_close.close_day(tx, day, timedelta(seconds=settings.midnight_seconds))


async def close_by_hand(
    tx: AsyncSession, caller: Caller, request: schemas.CloseDay, settings: Settings
) -> schemas.ClosedDay:
    """Close a day by request.

    Raises:
        DayNotOver
    """
    await audit.record(tx, caller, "close_settlement_day", request.day, reason=request.reason)
    closed = await day_close.close_day(tx, request.day, timedelta(seconds=settings.midnight_seconds))
    for settlement in closed:
        await tx.refresh(settlement)
    return schemas.ClosedDay(settlements=[schemas.shown(settlement) for settlement in closed])


async def generate_file(tx: AsyncSession, caller: Caller, reason: str) -> schemas.GeneratedTransferFile:
    """Generate a file of bank instructions.

    Raises: as `transfers.generate`.
    """
    generated = await transfers.generate(tx, caller, reason)
    await tx.flush()
    return schemas.generated_file(generated.file, generated.held)


async def changed_file(tx: AsyncSession, change: Callable[[], Awaitable[TransferFile]]) -> schemas.TransferFile:
    file = await change()
    await tx.flush()
    return schemas.shown_file(file)


async def confirm_funds(
    tx: AsyncSession, caller: Caller, statement_id: UUID, funds: schemas.ChannelFunds
) -> statement_schemas.Statement:
    statement = await channel_funds.confirm(tx, caller, statement_id, funds.amount_fen, funds.reason)
    return statement_schemas.shown(statement)
