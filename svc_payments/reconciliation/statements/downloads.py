"""Fetching channels' bills: each morning those of the last days that are not here yet."""

from datetime import date, datetime, timedelta

from chassis.db import CHINA, Database
from chassis.http_client import NoAnswer, NotReached
from chassis.problems import Problem
from chassis.telemetry import log
from kit.signatures.refusals import BadSignature
from svc_payments.channels.provider import StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.reconciliation.runs import service as reconciliation
from svc_payments.reconciliation.statements import service
from svc_payments.reconciliation.statements.files import spooled
from svc_payments.reconciliation.statements.layouts import OF_CHANNELS
from svc_payments.reconciliation.statements.models import Statement
from svc_payments.reconciliation.statements.parser import Expected
from svc_payments.reconciliation.statements.staging import Progress
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

_DAYS_BACK = 3
"""After so long a channel counts as unavailable, not late: operators upload what is missing."""
_DAYS_LOOKED_AT_AGAIN = 7
_SYSTEM = "system"


def merchant_of(channel: str, settings: Settings) -> str | None:
    """The merchant that a channel's statement must name, where its layout has it."""
    merchants: dict[str, str] = {ChannelName.SANDBOX: settings.merchant_id}
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
        if await service.current(tx, service.of_channel(name), day):
            return
    try:
        await fetch(database, settings, name, channel, day)
    except (NotReached, NoAnswer, BadSignature) as error:
        log.warning("statement_not_fetched", channel=name, day=day.isoformat(), reason=str(error))
    except Problem as refused:
        log.error("statement_refused", channel=name, day=day.isoformat(), code=refused.code)


async def fetch(
    database: Database,
    settings: Settings,
    name: str,
    channel: StatementChannel,
    day: date,
    progress: Progress = lambda _: None,
) -> Statement:
    """Fetch and ingest a day's bill, and request reconciliation of its day and of earlier days with open cases.

    Raises:
        NotReached, NoAnswer, BadSignature: it did not arrive, or not from the channel.
        Problem: the statement is refused.
    """
    counterparty = service.of_channel(name)
    async with spooled(channel.statement(day)) as file, database.transaction() as tx:
        expected = Expected(day, merchant_of(name, settings))
        statement, new = await service.take_in(tx, counterparty, expected, file, _SYSTEM, progress)
        if new:
            await reconciliation.request(tx, counterparty, day, _SYSTEM)
            await reconciliation.request_again(tx, counterparty, day, _DAYS_LOOKED_AT_AGAIN, _SYSTEM)
    return statement
