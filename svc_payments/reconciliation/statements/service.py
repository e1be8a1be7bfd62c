"""Taking in statements, and which of them count."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import NotFound
from kit.calendar import today
from svc_payments.parties.providers.models import Provider
from svc_payments.parties.providers.service import ProviderNotReady
from svc_payments.reconciliation.statements import layouts
from svc_payments.reconciliation.statements.files import StatementFile, lines_of
from svc_payments.reconciliation.statements.layouts import Layout
from svc_payments.reconciliation.statements.models import Source, Statement
from svc_payments.reconciliation.statements.parser import Expected
from svc_payments.reconciliation.statements.refusals import NoSuchLayout, StatementOfDayToCome
from svc_payments.reconciliation.statements.staging import Progress, load, name_postings


@dataclass(frozen=True)
class Whose:
    """Whose statements: a channel's or a provider's."""

    source: Source
    holder: str

    @property
    def lock(self) -> str:
        """What those who change something of its days lock, one after the other."""
        return f"statements of {self.source} {self.holder}"


def of_channel(channel: str) -> Whose:
    return Whose(Source.CHANNEL, channel)


def of_provider(provider_id: UUID) -> Whose:
    return Whose(Source.PROVIDER, str(provider_id))


async def take_in(
    tx: AsyncSession,
    whose: Whose,
    expected: Expected,
    file: StatementFile,
    received_from: str,
    progress: Progress = lambda _: None,
) -> tuple[Statement, bool]:
    """Take in the file of a day. The same file again changes nothing; another one becomes the next version.

    Args:
        tx: the transaction; nothing stays of a file that is refused.
        whose: who made the file.
        expected: what it must be about.
        file: the file.
        received_from: who brought it.
        progress: told how many lines are in.

    Returns:
        The statement, and whether it is new.

    Raises:
        NoSuchLayout: no statements of this channel are known.
        StatementOfDayToCome: the day has not begun.
        ProviderNotReady: the provider's approval has not arrived here yet.
        Problem: one of `refusals`, or of `files.lines_of`.
    """
    layout = _layout_of(whose)
    if expected.day > today():
        raise StatementOfDayToCome
    if whose.source == Source.PROVIDER and await tx.get(Provider, UUID(whose.holder)) is None:
        raise ProviderNotReady
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(whose.lock, 0))))
    newest = await current(tx, whose, expected.day)
    if newest and newest.sha256 == file.sha256:
        return newest, False
    statement_id = new_id()
    lines = layout.read(lines_of(file, layout.encodings), expected)
    totals = await load(tx, statement_id, lines, progress)
    if whose.source == Source.PROVIDER:
        await name_postings(tx, statement_id, UUID(whose.holder))
    statement = Statement(
        id=statement_id,
        source=whose.source,
        holder=whose.holder,
        day=expected.day,
        version=newest.version + 1 if newest else 1,
        sha256=file.sha256,
        lines=totals.lines,
        in_fen=totals.in_fen,
        out_fen=totals.out_fen,
        fee_fen=totals.fee_fen,
        received_from=received_from,
    )
    tx.add(statement)
    await tx.flush()
    await tx.refresh(statement)
    return statement, True


def _layout_of(whose: Whose) -> Layout:
    if whose.source == Source.PROVIDER:
        return layouts.OF_PROVIDERS
    if whose.holder not in layouts.OF_CHANNELS:
        raise NoSuchLayout(channel=whose.holder)
    return layouts.OF_CHANNELS[whose.holder]


async def current(tx: AsyncSession, whose: Whose, day: date) -> Statement | None:
    """The newest version of a day."""
    of_day = select(Statement).where(
        Statement.source == whose.source, Statement.holder == whose.holder, Statement.day == day
    )
    return await tx.scalar(of_day.order_by(Statement.version.desc()).limit(1))


async def statement(tx: AsyncSession, statement_id: UUID, *, locked: bool = False) -> Statement:
    """One statement.

    Raises:
        NotFound: there is none.
    """
    found = await tx.get(Statement, statement_id, with_for_update=locked, populate_existing=locked)
    if found is None:
        raise NotFound
    return found
