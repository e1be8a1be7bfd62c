"""Moving money between accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Uuid, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.ledger.models import Account, AccountKind, Entry, Transfer, TransferKind


@dataclass(frozen=True)
class AccountName:
    """Which account is meant, by what it counts and whose it is."""

    kind: AccountKind
    holder: str


@dataclass(frozen=True)
class Movement:
    """What a movement of money is and what it is for; fen by account, debits positive, credits negative."""

    kind: TransferKind
    reference_id: UUID
    legs: Mapping[AccountName, int]


def channel_receivable(channel: str) -> AccountName:
    return AccountName(AccountKind.CHANNEL_RECEIVABLE, channel)


def provider_payable(provider_id: UUID) -> AccountName:
    return AccountName(AccountKind.PROVIDER_PAYABLE, str(provider_id))


def person_clearing(person_id: UUID) -> AccountName:
    return AccountName(AccountKind.PERSON_CLEARING, str(person_id))


def refunds(channel: str) -> AccountName:
    return AccountName(AccountKind.REFUNDS, channel)


def fees(holder: str) -> AccountName:
    return AccountName(AccountKind.FEES, holder)


def bank() -> AccountName:
    return AccountName(AccountKind.BANK, "settlement")


def suspense(channel: str) -> AccountName:
    return AccountName(AccountKind.SUSPENSE, channel)


async def transfer(
    tx: AsyncSession,
    kind: TransferKind,
    reference_id: UUID,
    *,
    debit: AccountName,
    credit: AccountName,
    amount_fen: int,
) -> None:
    """Move an amount from the credited to the debited account.

    Raises:
        IntegrityError: there is such a transfer already.
    """
    await transfer_legs(tx, kind, reference_id, {debit: amount_fen, credit: -amount_fen})


async def transfer_legs(
    tx: AsyncSession, kind: TransferKind, reference_id: UUID, legs: Mapping[AccountName, int]
) -> None:
    """Move money between several accounts at once.

    Afterwards this transaction holds the locks of both accounts, so whatever it writes next for them comes in the order
    in which such transactions commit.

    Args:
        tx: the transaction.
        kind: what the movement is.
        reference_id: what it is for.
        legs: fen by account, debits positive, credits negative; together zero.

    Raises:
        IntegrityError: there is such a transfer already, or the legs do not balance.
    """
    await transfer_all(tx, [Movement(kind, reference_id, legs)])


async def transfer_all(tx: AsyncSession, movements: Sequence[Movement]) -> None:
    """Move money several times in one go, which becomes one link of the chain.

    Raises:
        IntegrityError: there is one of these transfers already, or the legs of one do not balance.
    """
    if not movements:
        return
    accounts = await _accounts(tx, *dict.fromkeys(account for each in movements for account in each.legs))
    transfers = [Transfer(kind=each.kind, reference_id=each.reference_id) for each in movements]
    tx.add_all(transfers)
    await tx.flush()
    legs = [
        (transfer.id, accounts[account], amount_fen)
        for transfer, each in zip(transfers, movements, strict=True)
        for account, amount_fen in each.legs.items()
    ]
    # One statement: the database takes a transfer's entries whole and balanced, or not at all. As arrays, since a
    # statement has room for some thousand values only.
    columns = (
        func.unnest(literal(list(values), ARRAY(kind)))
        for values, kind in zip(zip(*legs, strict=True), (Uuid, Uuid, BigInteger), strict=True)
    )
    names = [Entry.transfer_id, Entry.account_id, Entry.amount_fen]
    await tx.execute(insert(Entry).from_select(names, select(*columns)))


async def _accounts(tx: AsyncSession, *wanted: AccountName) -> Mapping[AccountName, UUID]:
    """The ids of accounts; those that are new are opened."""
    found = await _known_accounts(tx, wanted)
    if missing := [{"kind": each.kind, "holder": each.holder} for each in wanted if each not in found]:
        await tx.execute(insert(Account).values(missing).on_conflict_do_nothing())
        found = await _known_accounts(tx, wanted)
    return found


async def _known_accounts(tx: AsyncSession, wanted: tuple[AccountName, ...]) -> Mapping[AccountName, UUID]:
    names = [(each.kind, each.holder) for each in wanted]
    rows = await tx.execute(
        select(Account.id, Account.kind, Account.holder).where(tuple_(Account.kind, Account.holder).in_(names))
    )
    return {AccountName(AccountKind(row.kind), row.holder): row.id for row in rows}
