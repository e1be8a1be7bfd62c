"""Moving money between accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.base import values_table
from svc_payments.ledger.models import Account, AccountKind, Entry, Transfer, TransferKind


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
    transfers = values_table(
        {
            "id": (Uuid(), ids),
            "kind": (Text(), [each.kind for each in movements]),
            "reference_id": (Uuid(), [each.reference_id for each in movements]),
        }
    )
    await tx.execute(insert(Transfer).from_select(transfers.c.keys(), select(transfers)))
    legs = [
        (transfer_id, accounts[account], amount_fen)
        for transfer_id, each in zip(ids, movements, strict=True)
        for account, amount_fen in each.legs.items()
    ]
    entries = values_table(
        {
            "transfer_id": (Uuid(), [transfer_id for transfer_id, _, _ in legs]),
            "account_id": (Uuid(), [account_id for _, account_id, _ in legs]),
            "amount_fen": (BigInteger(), [amount_fen for _, _, amount_fen in legs]),
        }
    )
    # One statement: the database takes a transfer's entries whole and balanced, or not at all.
    await tx.execute(insert(Entry).from_select(entries.c.keys(), select(entries)))


async def _accounts(tx: AsyncSession, *wanted: AccountName) -> Mapping[AccountName, UUID]:
    """The ids of accounts; new ones are opened."""
    found = await _known_accounts(tx, wanted)
    if missing := [each for each in wanted if each not in found]:
        opened = values_table(
            {
                "id": (Uuid(), [new_id() for _ in missing]),
                "kind": (Text(), [each.kind for each in missing]),
                "holder": (Text(), [each.holder for each in missing]),
            }
        )
        await tx.execute(insert(Account).from_select(opened.c.keys(), select(opened)).on_conflict_do_nothing())
        found = await _known_accounts(tx, wanted)
    return found


async def _known_accounts(tx: AsyncSession, wanted: Sequence[AccountName]) -> Mapping[AccountName, UUID]:
    names = values_table(
        {"kind": (Text(), [each.kind for each in wanted]), "holder": (Text(), [each.holder for each in wanted])}
    )
    named = (Account.kind == names.c.kind) & (Account.holder == names.c.holder)
    rows = await tx.execute(select(Account.id, Account.kind, Account.holder).join(names, named))
    return {AccountName(AccountKind(row.kind), row.holder): row.id for row in rows}
