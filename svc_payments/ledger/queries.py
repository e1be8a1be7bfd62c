"""The books at a moment.

Transfers commit out of the order of their timestamps, so these do not say what the books were. Links of the chain do:
they are numbered and timed under one lock that is held until the commit, and entries get their positions under it. The
books at a moment are the links sealed up to it, that is the entries up to the last position of the last of them.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, Row, Select, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from svc_payments.ledger import schemas
from svc_payments.ledger.models import Account, AccountKind, Entry, Link, Transfer


class MomentInFuture(Problem):
    """The books at a moment are final, so it must have passed."""

    status, code = 422, "moment_in_future"


@dataclass(frozen=True)
class Reach:
    """Up to where the books are read."""

    at: datetime
    link_number: int
    position: int


async def wait_for_links(tx: AsyncSession, at: datetime) -> None:
    """Wait until links sealed before a moment are committed, in a transaction before the one that reads.

    Raises:
        MomentInFuture
    """
    await tx.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('myili ledger chain'))"))
    if at > (await tx.scalars(select(func.clock_timestamp()))).one():
        raise MomentInFuture


async def reach_of(tx: AsyncSession, at: datetime | None) -> Reach:
    """The last link sealed by a moment, or the last there is; `tx` is one snapshot."""
    last = select(Link).order_by(Link.sealed_at.desc(), Link.number.desc()).limit(1)
    link = await tx.scalar(last if at is None else last.where(Link.sealed_at <= at))
    moment = at or await database_time(tx)
    return Reach(moment, link.number, link.last_position) if link else Reach(moment, 0, 0)


async def trial_balance(tx: AsyncSession, at: datetime | None = None) -> schemas.TrialBalance:
    """All debits and credits up to a moment; every transfer is included whole or not at all."""
    reach = await reach_of(tx, at)
    accounts = (await tx.scalars(select(Account).where(~_OF_PERSONS).order_by(Account.kind, Account.holder))).all()
    kinds = [
        schemas.KindTotals(
            kind=row.kind,
            accounts=row.accounts,
            debit_fen=int(row.debit_fen),
            credit_fen=int(row.credit_fen),
            balance_fen=int(row.debit_fen - row.credit_fen),
        )
        for row in await tx.execute(_kinds_up_to(reach))
    ]
    debit_fen, credit_fen = sum(kind.debit_fen for kind in kinds), sum(kind.credit_fen for kind in kinds)
    return schemas.TrialBalance(
        at=reach.at,
        link_number=reach.link_number,
        accounts=await _balances(tx, accounts, reach),
        kinds=kinds,
        debit_fen=debit_fen,
        credit_fen=credit_fen,
        balance_fen=debit_fen - credit_fen,
    )


async def list_accounts(
    tx: AsyncSession, kind: str | None, holder: str | None, at: datetime | None, page: PageRequest
) -> Page[schemas.AccountBalance]:
    reach = await reach_of(tx, at)
    wanted = select(Account)
    for column, value in ((Account.kind, kind), (Account.holder, holder)):
        wanted = wanted if value is None else wanted.where(column == value)
    found: Page[Account] = await page_of(tx, wanted, page, Account.id, lambda account: account)
    return Page(items=await _balances(tx, found.items, reach), next_cursor=found.next_cursor)


async def list_entries(
    tx: AsyncSession, account_id: UUID, at: datetime | None, page: PageRequest
) -> Page[schemas.Entry]:
    """An account's entries up to a moment, newest first, each with the balance after it.

    Raises:
        NotFound: there is no such account.
    """
    account = await tx.get(Account, account_id)
    if account is None:
        raise NotFound
    reach = await reach_of(tx, at)
    wanted = select(Entry).where(Entry.account_id == account_id, Entry.position <= reach.position)
    found: Page[Entry] = await page_of(tx, wanted, page, Entry.position, lambda entry: entry, newest_first=True)
    if not found.items:
        return Page(items=[], next_cursor=None)
    newest = found.items[0].position
    later = select(func.coalesce(func.sum(Entry.amount_fen), 0)).where(
        Entry.account_id == account_id, Entry.position > newest
    )
    balance = account.debit_fen - account.credit_fen - int((await tx.scalars(later)).one())
    balances = accumulate((entry.amount_fen for entry in found.items), operator.sub, initial=balance)
    rows = {row.position: row for row in await tx.execute(_rows_of([entry.position for entry in found.items]))}
    return Page(
        items=[_entry(rows[entry.position], after) for entry, after in zip(found.items, balances, strict=False)],
        next_cursor=found.next_cursor,
    )


_OF_PERSONS = Account.kind == AccountKind.PERSON_CLEARING
_DEBIT = func.coalesce(func.sum(func.greatest(Entry.amount_fen, 0)), 0)
_CREDIT = func.coalesce(func.sum(func.greatest(-Entry.amount_fen, 0)), 0)


async def _balances(tx: AsyncSession, accounts: Sequence[Account], reach: Reach) -> list[schemas.AccountBalance]:
    """These accounts' balances: what is kept now, less what came later."""
    of_them = Entry.account_id.in_([account.id for account in accounts])
    moved = select(Entry.account_id, _DEBIT, _CREDIT).where(of_them, Entry.position > reach.position)
    later = {
        account_id: (int(debit), int(credit))
        for account_id, debit, credit in await tx.execute(moved.group_by(Entry.account_id))
    }
    return [_balance(account, *later.get(account.id, (0, 0))) for account in accounts]


def _balance(account: Account, later_debit_fen: int, later_credit_fen: int) -> schemas.AccountBalance:
    debit_fen, credit_fen = account.debit_fen - later_debit_fen, account.credit_fen - later_credit_fen
    return schemas.AccountBalance(
        account_id=account.id,
        kind=account.kind,
        holder=account.holder,
        debit_fen=debit_fen,
        credit_fen=credit_fen,
        balance_fen=debit_fen - credit_fen,
    )


def _kinds_up_to(reach: Reach) -> Executable:
    later = (
        select(Account.kind, _DEBIT.label("debit_fen"), _CREDIT.label("credit_fen"))
        .join(Entry, Entry.account_id == Account.id)
        .where(Entry.position > reach.position)
        .group_by(Account.kind)
        .subquery()
    )
    return (
        select(
            Account.kind,
            func.count().label("accounts"),
            (func.sum(Account.debit_fen) - func.coalesce(func.max(later.c.debit_fen), 0)).label("debit_fen"),
            (func.sum(Account.credit_fen) - func.coalesce(func.max(later.c.credit_fen), 0)).label("credit_fen"),
        )
        .outerjoin(later, later.c.kind == Account.kind)
        .group_by(Account.kind)
        .order_by(Account.kind)
    )


def _rows_of(positions: Sequence[int]) -> Select[Any]:
    """Entries with their transfers, and the link that each is in: the first that ends with it or after it."""
    link = (
        select(Link.number, Link.sealed_at)
        .where(Link.last_position >= Entry.position)
        .order_by(Link.last_position)
        .limit(1)
        .lateral()
    )
    columns = (Entry.position, Entry.transfer_id, Entry.amount_fen, Transfer.kind, Transfer.reference_id)
    return (
        select(*columns, link.c.number, link.c.sealed_at)
        .join(Transfer, Transfer.id == Entry.transfer_id)
        .join(link, true())
        .where(Entry.position.in_(positions))
    )


def _entry(row: Row[Any], balance_fen: int) -> schemas.Entry:
    return schemas.Entry(
        position=row.position,
        transfer_id=row.transfer_id,
        kind=row.kind,
        reference_id=row.reference_id,
        amount_fen=row.amount_fen,
        balance_fen=balance_fen,
        link_number=row.number,
        sealed_at=row.sealed_at,
    )
