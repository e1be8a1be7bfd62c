"""The ledger: rules that PostgreSQL enforces, and balances that equal the sums of the entries."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from svc_payments.ledger.models import Account, AccountKind, Entry, Transfer, TransferKind
from svc_payments.ledger.service import AccountName, channel_receivable, provider_payable, suspense, transfer
from tests.svc_payments.world import World

CAPTURED = TransferKind.PAYMENT_CAPTURED


async def two_accounts(tx: AsyncSession) -> tuple[UUID, UUID]:
    accounts = [Account(kind=AccountKind.SUSPENSE, holder=new_id().hex) for _ in range(2)]
    tx.add_all(accounts)
    await tx.flush()
    return accounts[0].id, accounts[1].id


async def empty_transfer(tx: AsyncSession) -> UUID:
    empty = Transfer(kind=CAPTURED, reference_id=new_id())
    tx.add(empty)
    await tx.flush()
    return empty.id


async def write(tx: AsyncSession, transfer_id: UUID, *legs: tuple[UUID, int]) -> None:
    rows = [{"transfer_id": transfer_id, "account_id": account, "amount_fen": amount} for account, amount in legs]
    await tx.execute(insert(Entry).values(rows))


async def add_transfer(tx: AsyncSession, amount_fen: int = 4140) -> UUID:
    """A transfer from a new provider to the sandbox channel; returns its reference."""
    reference = new_id()
    to, from_ = channel_receivable("sandbox"), provider_payable(new_id())
    await transfer(tx, CAPTURED, reference, debit=to, credit=from_, amount_fen=amount_fen)
    await tx.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # deferred checks run now
    return reference


async def disagreements(database: Database) -> list[UUID]:
    """Accounts whose stored totals differ from the sums of their entries."""
    debit = func.coalesce(func.sum(Entry.amount_fen).filter(Entry.amount_fen > 0), 0)
    credit = func.coalesce(-func.sum(Entry.amount_fen).filter(Entry.amount_fen < 0), 0)
    proof = (
        select(Account.id)
        .outerjoin(Entry, Entry.account_id == Account.id)
        .group_by(Account.id)
        .having((debit != Account.debit_fen) | (credit != Account.credit_fen))
    )
    async with database.read() as tx:
        return list(await tx.scalars(proof))


@pytest.mark.parametrize("legs", [(100, -99), (100, 100), (100,), (-1,)])
async def test_entries_that_do_not_sum_to_zero_are_refused(tx: AsyncSession, legs: tuple[int, ...]) -> None:
    accounts = await two_accounts(tx)
    transfer_id = await empty_transfer(tx)
    with pytest.raises(IntegrityError, match="must sum to zero"):
        await write(tx, transfer_id, *zip(accounts, legs, strict=False))


async def test_one_unbalanced_transfer_among_balanced_ones_is_refused(tx: AsyncSession) -> None:
    one, other = await two_accounts(tx)
    good, bad, worse = [await empty_transfer(tx) for _ in range(3)]
    rows = [(good, one, 5), (good, other, -5), (bad, one, 5), (bad, other, -4), (worse, one, -5), (worse, other, 4)]
    with pytest.raises(IntegrityError, match="must sum to zero"):
        await tx.execute(
            insert(Entry).values(
                [{"transfer_id": each, "account_id": account, "amount_fen": amount} for each, account, amount in rows]
            )
        )


async def test_a_zero_entry_is_refused(tx: AsyncSession) -> None:
    accounts = await two_accounts(tx)
    transfer_id = await empty_transfer(tx)
    with pytest.raises(IntegrityError, match="amount_not_zero"):
        await write(tx, transfer_id, (accounts[0], 0), (accounts[1], 0))


async def test_a_transfer_takes_no_further_entries_not_even_balanced_ones(tx: AsyncSession) -> None:
    accounts = await two_accounts(tx)
    transfer_id = await empty_transfer(tx)
    await write(tx, transfer_id, (accounts[0], 100), (accounts[1], -100))
    with pytest.raises(IntegrityError, match="is final"):
        await write(tx, transfer_id, (accounts[0], -100), (accounts[1], 100))


async def test_a_transfer_without_entries_does_not_commit(database: Database) -> None:
    with pytest.raises(IntegrityError, match="a transfer has entries"):
        async with database.transaction() as tx:
            await empty_transfer(tx)


async def test_a_reference_is_transferred_once(tx: AsyncSession) -> None:
    reference = await add_transfer(tx)
    with pytest.raises(IntegrityError, match="uq_ledger_transfers_reference_id_kind"):
        await transfer(tx, CAPTURED, reference, debit=suspense("a"), credit=suspense("b"), amount_fen=1)


@pytest.mark.parametrize(
    "change",
    [
        update(Entry).values(amount_fen=Entry.amount_fen * 2),
        delete(Entry),
        text("TRUNCATE ledger_entries"),
        update(Transfer).values(kind=TransferKind.PAYMENT_HELD),
        delete(Transfer),
        text("TRUNCATE ledger_transfers CASCADE"),
        delete(Account),
        text("TRUNCATE ledger_accounts CASCADE"),
    ],
    ids=str,
)
async def test_entries_transfers_and_accounts_are_append_only(owner_tx: AsyncSession, change: object) -> None:
    await add_transfer(owner_tx)
    with pytest.raises(DBAPIError, match="only ever added to"):
        await owner_tx.execute(change)  # type: ignore[call-overload]  # statements of several kinds


@pytest.mark.parametrize(
    "change",
    [
        update(Account).values(debit_fen=0),
        update(Account).values(holder="somebody else"),
        insert(Account).values(id=new_id(), kind=AccountKind.SUSPENSE, holder="x", credit_fen=5),
    ],
    ids=str,
)
async def test_a_balance_cannot_be_written_directly(tx: AsyncSession, change: object) -> None:
    await add_transfer(tx)
    with pytest.raises(IntegrityError, match="a balance is what the entries make it"):
        await tx.execute(change)  # type: ignore[call-overload]  # statements of several kinds


async def test_a_total_that_overflows_is_refused(tx: AsyncSession) -> None:
    holder = suspense(new_id().hex)
    await transfer(tx, CAPTURED, new_id(), debit=holder, credit=suspense("b"), amount_fen=2**63 - 1)
    with pytest.raises(DBAPIError, match="out of range"):
        await transfer(tx, CAPTURED, new_id(), debit=holder, credit=suspense("b"), amount_fen=1)


HOLDERS = st.sampled_from(["a", "b", "c", "d"])
MOVE = st.tuples(HOLDERS, HOLDERS, st.integers(1, 10**12)).filter(lambda move: move[0] != move[1])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(MOVE, max_size=8))
async def test_balances_equal_the_entries(tx: AsyncSession, moves: list[tuple[str, str, int]]) -> None:
    run = new_id().hex
    expected: Counter[str] = Counter()
    for to, from_, amount in moves:
        debit, credit = AccountName(AccountKind.SUSPENSE, run + to), AccountName(AccountKind.SUSPENSE, run + from_)
        await transfer(tx, CAPTURED, new_id(), debit=debit, credit=credit, amount_fen=amount)
        expected[run + to] += amount
        expected[run + from_] -= amount
    stored = await tx.execute(
        select(Account.holder, (Account.debit_fen - Account.credit_fen).label("balance")).where(
            Account.holder.startswith(run)
        )
    )
    assert {row.holder: row.balance for row in stored} == dict(expected)
    assert sum(expected.values()) == 0


async def test_transfers_crossing_each_other_do_not_deadlock(database: Database) -> None:
    one, other = suspense("one"), suspense("other")

    async def move(to: AccountName, from_: AccountName) -> None:
        async with database.transaction() as tx:
            await transfer(tx, CAPTURED, new_id(), debit=to, credit=from_, amount_fen=7)

    await asyncio.gather(*(move(*pair) for pair in [(one, other), (other, one)] * 20))
    async with database.read() as tx:
        totals = await tx.execute(select(Account.debit_fen, Account.credit_fen))
        assert set(map(tuple, totals)) == {(140, 140)}
    assert await disagreements(database) == []


async def test_twenty_payments_at_once_leave_the_books_balanced(world: World) -> None:
    people = [new_id() for _ in range(20)]
    bills = [await world.bill(person, 100 + place, account=place % 5) for place, person in enumerate(people)]
    await world.faults(drop_notices=1_000)
    await asyncio.gather(*(world.captured(person, bill) for person, bill in zip(people, bills, strict=True)))
    total = sum(range(100, 120))
    balance = await world.trial_balance()
    assert [(account["kind"], account["balance_fen"]) for account in balance["accounts"]] == [
        ("channel_receivable", total)
    ]
    assert [(kind["kind"], kind["accounts"], kind["balance_fen"]) for kind in balance["kinds"]] == [
        ("channel_receivable", 1, total),
        ("person_clearing", 20, -total),
    ]
    assert (balance["debit_fen"], balance["credit_fen"], balance["balance_fen"]) == (total, total, 0)
    assert await disagreements(world.database) == []


async def test_only_operators_and_auditors_see_the_books(world: World) -> None:
    url = "/payments/v1/ledger/trial-balance"
    statuses = [
        (await world.api.get(url, headers=headers)).status_code
        for headers in (
            {},
            world.tokens.resident(),
            world.tokens.staff("reviewer"),
            world.tokens.client(world.provider_id, "bills:write"),
            world.tokens.staff("operator"),
            world.tokens.staff("auditor"),
        )
    ]
    assert statuses == [401, 403, 403, 403, 200, 200]
