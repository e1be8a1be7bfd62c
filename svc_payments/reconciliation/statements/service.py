"""Taking in statements, and which of them count."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import NotFound
from kit.calendar import today
from svc_payments.parties.providers.service import expect_provider
from svc_payments.reconciliation.statements import layouts
from svc_payments.reconciliation.statements.files import StatementFile, lines_of
from svc_payments.reconciliation.statements.layouts import Layout
from svc_payments.reconciliation.statements.models import NO_BILL, Source, Statement
from svc_payments.reconciliation.statements.parser import Expected, Lines
from svc_payments.reconciliation.statements.refusals import NoSuchLayout, StatementOfDayToCome
from svc_payments.reconciliation.statements.staging import Progress, load, name_postings

SYSTEM = "system"
"""Whom statements come from that are fetched."""


@dataclass(frozen=True)
class Counterparty:
    """The channel or the provider that a statement is of."""

    source: Source
    holder: str

    @property
    def lock(self) -> str:
        """The name of the advisory lock for changes to its days."""
        return f"statements of {self.source} {self.holder}"


def of_channel(channel: str) -> Counterparty:
    return Counterparty(Source.CHANNEL, channel)


def of_provider(provider_id: UUID) -> Counterparty:
    return Counterparty(Source.PROVIDER, str(provider_id))


async def take_in(
    tx: AsyncSession,
    counterparty: Counterparty,
    expected: Expected,
    file: StatementFile,
    received_from: str,
    progress: Progress = lambda _: None,
) -> tuple[Statement, bool]:
    """Take in the statement of a day. The same file again changes nothing; another one becomes the next version.

    `progress` gets the number of lines read so far.

    Returns:
        The statement, and whether it is new.

    Raises:
        NoSuchLayout: statements of this channel have no known layout.
        StatementOfDayToCome: the day has not begun.
        ProviderNotReady: the provider's approval has not arrived yet.
        Problem: one of `refusals`, or of `files.lines_of`; nothing of a refused file is kept.
    """
    layout = _layout_of(counterparty)
    await _check(tx, counterparty, expected.day)
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(counterparty.lock, 0))))
    newest = await current(tx, counterparty, expected.day)
    if newest and newest.sha256 == file.sha256:
        return newest, False
    statement = Statement(
        id=new_id(),
        source=counterparty.source,
        holder=counterparty.holder,
        day=expected.day,
        version=newest.version + 1 if newest else 1,
        sha256=file.sha256,
        received_from=received_from,
    )
    await _keep(tx, statement, layout.read(lines_of(file, layout), expected), progress)
    return statement, True


async def take_in_none(tx: AsyncSession, counterparty: Counterparty, day: date) -> tuple[Statement, bool]:
    """Keep a channel's word that it has no bill of a day, as an empty one. A bill that is here stays.

    Returns:
        The statement that counts, and whether it is new.
    """
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(counterparty.lock, 0))))
    if newest := await current(tx, counterparty, day):
        return newest, False
    statement = Statement(
        id=new_id(),
        source=counterparty.source,
        holder=counterparty.holder,
        day=day,
        version=1,
        sha256=NO_BILL,
        received_from=SYSTEM,
        **dict.fromkeys(("lines", "in_fen", "out_fen", "fee_fen"), 0),
    )
    tx.add(statement)
    await tx.flush()
    await tx.refresh(statement)
    return statement, True


async def has_bill(tx: AsyncSession, counterparty: Counterparty, day: date) -> bool:
    """Whether there is a file of a day; a channel that had none may have it later."""
    newest = await current(tx, counterparty, day)
    return newest is not None and newest.sha256 != NO_BILL


async def _keep(tx: AsyncSession, statement: Statement, lines: Lines, progress: Progress) -> None:
    totals = await load(tx, statement.id, lines, progress)
    if statement.source == Source.PROVIDER:
        await name_postings(tx, statement.id, UUID(statement.holder))
    statement.lines, statement.in_fen = totals.lines, totals.in_fen
    statement.out_fen, statement.fee_fen = totals.out_fen, totals.fee_fen
    tx.add(statement)
    await tx.flush()
    await tx.refresh(statement)


async def _check(tx: AsyncSession, counterparty: Counterparty, day: date) -> None:
    if day > today():
        raise StatementOfDayToCome
    if counterparty.source == Source.PROVIDER:
        await expect_provider(tx, UUID(counterparty.holder))


def _layout_of(counterparty: Counterparty) -> Layout:
    if counterparty.source == Source.PROVIDER:
        return layouts.OF_PROVIDERS
    if counterparty.holder not in layouts.OF_CHANNELS:
        raise NoSuchLayout(channel=counterparty.holder)
    return layouts.OF_CHANNELS[counterparty.holder]


async def current(tx: AsyncSession, counterparty: Counterparty, day: date) -> Statement | None:
    """The newest version of a day."""
    of_day = select(Statement).where(
        Statement.source == counterparty.source, Statement.holder == counterparty.holder, Statement.day == day
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
