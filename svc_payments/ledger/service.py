"""Moving money between accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.base import given, given_table, table_of
from svc_payments.ledger.models import Account, AccountKind, Entry, Transfer, TransferKind

_TRANSFERS = given_table({"id": Uuid(), "kind": Text(), "reference_id": Uuid()})
_ADD_TRANSFERS = insert(table_of(Transfer)).from_select(_TRANSFERS.c.keys(), select(_TRANSFERS))
_ENTRIES = given_table({"transfer_id": Uuid(), "account_id": Uuid(), "amount_fen": BigInteger()})
_ADD_ENTRIES = insert(table_of(Entry)).from_select(_ENTRIES.c.keys(), select(_ENTRIES))
_ACCOUNTS = given_table({"id": Uuid(), "kind": Text(), "holder": Text()})
_OPEN_ACCOUNTS = insert(table_of(Account)).from_select(_ACCOUNTS.c.keys(), select(_ACCOUNTS)).on_conflict_do_nothing()
_NAMES = given_table({"kind": Text(), "holder": Text()})
_FIND_ACCOUNTS = select(Account.id, Account.kind, Account.holder).join(
    _NAMES, (Account.kind == _NAMES.c.kind) & (Account.holder == _NAMES.c.holder)
)


@dataclass(frozen=True)
class AccountName:
    """Identifies an account by its kind and its holder."""

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

    Args:
        tx: the transaction.
        kind: what the movement is.
        reference_id: what it is for.
        legs: fen by account, debits positive, credits negative; together zero.

    Raises:
        IntegrityError: as `transfer_all`.
    """
    await transfer_all(tx, [Movement(kind, reference_id, legs)])


async def transfer_all(tx: AsyncSession, movements: Sequence[Movement]) -> None:
    """Move money several times in one go, in the order given, which becomes one link of the chain.

    Afterwards this transaction holds the lock of the chain, so whatever it writes next comes in the order in which
    transactions that move money commit.

    Raises:
        IntegrityError: there is one of these transfers already, or the legs of one do not balance.
    """
    if not movements:
        return
    accounts = await _accounts(tx, *dict.fromkeys(account for each in movements for account in each.legs))
    ids = [new_id() for _ in movements]
    kinds, references = [each.kind for each in movements], [each.reference_id for each in movements]
    await tx.execute(_ADD_TRANSFERS, given(id=ids, kind=kinds, reference_id=references))
    legs = [
        (transfer_id, accounts[account], amount_fen)
        for transfer_id, each in zip(ids, movements, strict=True)
        for account, amount_fen in each.legs.items()
    ]
    transfer_ids, account_ids, amounts = zip(*legs, strict=True)
    # One statement: the database takes a transfer's entries whole and balanced, or not at all.
    await tx.execute(_ADD_ENTRIES, given(transfer_id=transfer_ids, account_id=account_ids, amount_fen=amounts))


async def _accounts(tx: AsyncSession, *wanted: AccountName) -> Mapping[AccountName, UUID]:
    """The ids of accounts; new ones are opened."""
    found = await _known_accounts(tx, wanted)
    if missing := [each for each in wanted if each not in found]:
        kinds, holders = zip(*((each.kind, each.holder) for each in missing), strict=True)
        await tx.execute(_OPEN_ACCOUNTS, given(id=[new_id() for _ in missing], kind=kinds, holder=holders))
        found = await _known_accounts(tx, wanted)
    return found


async def _known_accounts(tx: AsyncSession, wanted: Sequence[AccountName]) -> Mapping[AccountName, UUID]:
    kinds, holders = zip(*((each.kind, each.holder) for each in wanted), strict=True)
    rows = await tx.execute(_FIND_ACCOUNTS, given(kind=kinds, holder=holders))
    return {AccountName(AccountKind(row.kind), row.holder): row.id for row in rows}
