from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller
from chassis.db import ReadTx, Transactions
from chassis.pagination import Page, PageQuery
from chassis.text import Instant
from kit.staff.reach import allow_of_whole
from svc_payments.ledger import queries, schemas
from svc_payments.oversight.audit import service as audit

_CHECKERS = Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))
router = APIRouter(prefix="/payments/v1", tags=["ledger"])
Checker = Annotated[Caller, _CHECKERS]
Word = Annotated[str | None, Query(pattern=r"^[!-~]{1,64}$")]


async def _moment(database: Transactions, at: Annotated[Instant | None, Query()] = None) -> datetime | None:
    if at is not None:
        async with database.transaction() as tx:
            await queries.wait_for_links(tx, at)
    return at


Moment = Annotated[datetime | None, Depends(_moment)]
"""The books as of a past moment, which never change; by default, as of now."""


@router.get("/ledger/trial-balance", dependencies=[_CHECKERS])
async def get_trial_balance(tx: ReadTx, at: Moment) -> schemas.TrialBalance:
    """Get the trial balance at a moment.

    The books are right when debits equal credits.
    """
    return await queries.trial_balance(tx, at)


@router.get("/ledger/accounts")
async def list_accounts(
    tx: ReadTx,
    caller: Checker,
    database: Transactions,
    at: Moment,
    page: PageQuery,
    kind: Word = None,
    holder: Word = None,
) -> Page[schemas.AccountBalance]:
    """List ledger accounts with their balances at a moment.

    A lookup of one holder's accounts is recorded in the audit trail.
    """
    if holder is not None:
        async with database.transaction() as trail:
            await audit.record(trail, caller, "look_at_ledger_accounts", holder)
    return await queries.list_accounts(tx, kind, holder, at, page)


@router.get("/ledger/accounts/{account_id}/entries")
async def list_account_entries(
    tx: ReadTx, caller: Checker, database: Transactions, account_id: UUID, at: Moment, page: PageQuery
) -> Page[schemas.Entry]:
    """List the entries of a ledger account up to a moment, newest first.

    Each has the balance after it. The lookup is recorded in the audit trail.
    """
    async with database.transaction() as trail:
        await audit.record(trail, caller, "look_at_ledger_account", account_id)
    return await queries.list_entries(tx, account_id, at, page)
