"""Fetching channels' bills: each morning those of the last days that are not here yet."""

from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from chassis.http_client import NoAnswer, NotReached
from chassis.problems import Problem
from chassis.telemetry import log
from kit.calendar import database_time
from kit.signatures.refusals import BadSignature
from svc_payments.channels.provider import NoStatement, StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.reconciliation.runs import service as reconciliation
from svc_payments.reconciliation.runs.matcher import Day, has_movements
from svc_payments.reconciliation.statements import service
from svc_payments.reconciliation.statements.files import spooled
from svc_payments.reconciliation.statements.layouts import OF_CHANNELS
from svc_payments.reconciliation.statements.models import Statement
from svc_payments.reconciliation.statements.parser import Expected
from svc_payments.reconciliation.statements.service import SYSTEM, Counterparty
from svc_payments.reconciliation.statements.staging import Progress
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

_DAYS_BACK = 3
"""After so long a channel counts as unavailable, not late: operators upload what is missing."""
_DAYS_LOOKED_AT_AGAIN = 7
_PATIENCE = timedelta(hours=2)
"""From then on the gauge of missing statements counts a bill that is not there."""


def merchant_of(channel: str, settings: Settings) -> str | None:
    """The merchant that a channel's statement must name, where its layout has it."""
    merchants: dict[str, str] = {}
    if settings.channel_url:
        merchants[ChannelName.SANDBOX] = settings.merchant_id
    if settings.wechat:
        merchants[ChannelName.WECHAT] = settings.wechat.merchant_id
    if settings.alipay:
        merchants[ChannelName.ALIPAY] = settings.alipay.seller_id
    if settings.unionpay:
        merchants[ChannelName.UNIONPAY] = settings.unionpay.merchant_id
    return merchants.get(channel)


async def fetch_missing(database: Database, settings: Settings) -> None:
    """Fetch the bills that channels should have by now, and have their days reconciled."""
    moment = datetime.now(CHINA)
    if moment.hour < settings.statements_from_hour:
        return
    async with open_channels(settings) as channels:
        for name, channel in channels.items():
            if name not in OF_CHANNELS or not isinstance(channel, StatementChannel):
                continue
            for back in range(_DAYS_BACK, 0, -1):
                await _fetch_if_missing(database, settings, name, channel, moment.date() - timedelta(days=back))


async def _fetch_if_missing(
    database: Database, settings: Settings, name: str, channel: StatementChannel, day: date
) -> None:
    async with database.read() as tx:
        if await service.has_bill(tx, service.of_channel(name), day):
            return
    try:
        await fetch(database, settings, name, channel, day)
    except (NotReached, NoAnswer, BadSignature) as error:
        log.warning("statement_not_fetched", channel=name, day=day.isoformat(), reason=str(error))
    except Problem as refused:
        place = {key: refused.values[key] for key in ("row", "column", "reason") if key in refused.values}
        log.error("statement_refused", channel=name, day=day.isoformat(), code=refused.code, **place)


async def fetch(
    database: Database,
    settings: Settings,
    name: str,
    channel: StatementChannel,
    day: date,
    progress: Progress = lambda _: None,
) -> Statement:
    """Fetch and ingest a day's bill, and request reconciliation of its day and of earlier days with open cases.

    Where the channel says that there is none, an empty one is kept.

    Raises:
        NotReached, NoAnswer, BadSignature: it did not arrive, or not from the channel.
        NoStatement: the channel says that there is none, and it is too early to take its word.
        Problem: the statement is refused.
    """
    counterparty = service.of_channel(name)
    try:
        async with spooled(channel.statement(day)) as file, database.transaction() as tx:
            expected = Expected(day, merchant_of(name, settings))
            taken = await service.take_in(tx, counterparty, expected, file, SYSTEM, progress)
            return await _reconciled(tx, counterparty, *taken)
    except NoStatement:
        async with database.transaction() as tx:
            if not await _is_final(tx, settings, counterparty, day):
                raise
            return await _reconciled(tx, counterparty, *await service.take_in_none(tx, counterparty, day))


async def _reconciled(tx: AsyncSession, counterparty: Counterparty, statement: Statement, new: bool) -> Statement:  # noqa: FBT001 - as it was taken in
    if new:
        await reconciliation.request(tx, counterparty, statement.day, SYSTEM)
        await reconciliation.request_again(tx, counterparty, statement.day, _DAYS_LOOKED_AT_AGAIN, SYSTEM)
    return statement


async def _is_final(tx: AsyncSession, settings: Settings, counterparty: Counterparty, day: date) -> bool:
    """Whether "no bill" is more than "not yet": some channels answer both alike.

    Where money moved that day, the answer counts from when a bill is missed, so that a late one is no shortage.
    """
    compared = Day(day, timedelta())
    ready = compared.ends + timedelta(hours=settings.statements_from_hour)
    patience = _PATIENCE if await has_movements(tx, counterparty, compared) else timedelta()
    return await database_time(tx) >= ready + patience
