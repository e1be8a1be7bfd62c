from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.base import database_time
from svc_payments.ledger import schemas
from svc_payments.ledger.models import Account


async def trial_balance(tx: AsyncSession) -> schemas.TrialBalance:
    """All accounts with what was ever debited and credited; `tx` is one snapshot, so transfers are in it whole."""
    accounts = (await tx.scalars(select(Account).order_by(Account.kind, Account.holder))).all()
    debit_fen = sum(account.debit_fen for account in accounts)
    credit_fen = sum(account.credit_fen for account in accounts)
    return schemas.TrialBalance(
        at=await database_time(tx),
        accounts=[
            schemas.AccountBalance(
                account_id=account.id,
                kind=account.kind,
                holder=account.holder,
                debit_fen=account.debit_fen,
                credit_fen=account.credit_fen,
                balance_fen=account.debit_fen - account.credit_fen,
            )
            for account in accounts
        ],
        debit_fen=debit_fen,
        credit_fen=credit_fen,
        balance_fen=debit_fen - credit_fen,
    )
