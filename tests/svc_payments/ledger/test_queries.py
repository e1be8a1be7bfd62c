"""Balances at a moment include what was committed by then, whatever the transaction timestamps are."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.ledger.models import Link, TransferKind
from svc_payments.ledger.service import bank, channel_receivable, transfer

AT = "/payments/v1/ledger/trial-balance"
ACCOUNTS = "/payments/v1/ledger/accounts"


async def settle(database: Database, amount_fen: int) -> datetime:
    """Move an amount to the bank; returns the time of its ledger link."""
    async with database.transaction() as tx:
        settled = TransferKind.CHANNEL_SETTLED
        await transfer(tx, settled, new_id(), debit=bank(), credit=channel_receivable("x"), amount_fen=amount_fen)
    async with database.read() as tx:
        return (await tx.scalars(select(Link.sealed_at).order_by(Link.number.desc()).limit(1))).one()


async def get(api: httpx.AsyncClient, tokens: Tokens, url: str, **query: object) -> dict[str, Any]:
    params = {name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in query.items()}
    answer = await api.get(url, headers=tokens.staff("auditor"), params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_the_books_at_each_moment(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    before = now()
    moments = [await settle(database, amount_fen) for amount_fen in (100, 20, 3)]
    debits = []
    for moment in (before, *moments, moments[2] + timedelta(microseconds=1)):
        balance = await get(api, tokens, AT, at=moment)
        debits.append((balance["link_number"], balance["debit_fen"], balance["balance_fen"]))
    assert debits == [(0, 0, 0), (1, 100, 0), (2, 120, 0), (3, 123, 0), (3, 123, 0)]


@pytest.mark.parametrize("at", ["0.5", "0", "1764000000", "20260131"])
async def test_a_number_is_no_moment(api: httpx.AsyncClient, tokens: Tokens, at: str) -> None:
    headers = tokens.staff("auditor") | {"Accept-Language": "en"}
    answer = await api.get(AT, headers=headers, params={"at": at})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    reason = "must be a date or a time as in ISO 8601, not a number"
    assert answer.json()["errors"] == [{"at": "query/at", "reason": reason}]


async def test_a_transfer_belongs_to_the_moment_of_its_commit(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as tx:
            await tx.execute(select(1))  # fixes the timestamp of the transaction
            started.set()
            await go_on.wait()
            settled = TransferKind.CHANNEL_SETTLED
            await transfer(tx, settled, new_id(), debit=bank(), credit=channel_receivable("x"), amount_fen=7)

    running = asyncio.create_task(slow())
    await started.wait()
    moment = await settle(database, 100)
    go_on.set()
    await running
    assert (await get(api, tokens, AT, at=moment))["debit_fen"] == 100
    assert (await get(api, tokens, AT))["debit_fen"] == 107


async def test_the_books_wait_for_a_link_that_is_being_committed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    async with database.transaction() as tx:
        settled = TransferKind.CHANNEL_SETTLED
        await transfer(tx, settled, new_id(), debit=bank(), credit=channel_receivable("x"), amount_fen=7)
        request = asyncio.create_task(get(api, tokens, AT, at=now()))
        done, _ = await asyncio.wait([request], timeout=0.2)
        assert not done
    assert (await request)["debit_fen"] == 7


async def test_a_future_moment_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    params = {"at": (now() + timedelta(minutes=1)).isoformat()}
    answer = await api.get(AT, headers=tokens.staff("operator"), params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "moment_in_future")


async def test_entries_page_back_with_the_balance_after_each(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    moments = [await settle(database, amount_fen) for amount_fen in (1, 20, 300, 4000, 50000)]
    accounts = await get(api, tokens, ACCOUNTS, kind="bank", at=moments[3])
    (account,) = accounts["items"]
    assert account["balance_fen"] == 4321
    entries: list[tuple[int, int, int]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = await get(api, tokens, f"{ACCOUNTS}/{account['account_id']}/entries", at=moments[3], limit=3, **cursor)
        entries += [(each["link_number"], each["amount_fen"], each["balance_fen"]) for each in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert entries == [(4, 4000, 4321), (3, 300, 321), (2, 20, 21), (1, 1, 1)]


@pytest.mark.parametrize(
    "path", [AT, ACCOUNTS, f"{ACCOUNTS}/{new_id()}/entries"], ids=["balance", "accounts", "entries"]
)
async def test_residents_and_providers_do_not_see_the_books(api: httpx.AsyncClient, tokens: Tokens, path: str) -> None:
    for headers in (tokens.resident(), tokens.staff("reviewer"), tokens.client(new_id(), "bills:write")):
        assert (await api.get(path, headers=headers)).status_code == 403
    assert (await api.get(path)).status_code == 401


async def test_an_unknown_account_is_not_found(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await api.get(f"{ACCOUNTS}/{new_id()}/entries", headers=tokens.staff("auditor"))
    assert answer.status_code == 404
