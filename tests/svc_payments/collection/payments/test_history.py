"""A resident's payment history: filters, day boundaries and privacy."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.collection.payments.models import PaymentStatus
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.providers.models import Provider
from tests.svc_payments import past
from tests.svc_payments.past import china

PAYMENTS = "/payments/v1/payments"


class Reader:
    def __init__(self, api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> None:
        self._api, self._headers = api, tokens.resident(person_id)

    async def query(self, **filters: Any) -> httpx.Response:  # noqa: ANN401 - filters
        names = {name.removesuffix("_"): value for name, value in filters.items()}
        return await self._api.get(PAYMENTS, params=names, headers=self._headers)

    async def ids(self, **filters: Any) -> list[UUID]:  # noqa: ANN401 - filters
        answer = await self.query(**filters)
        assert answer.status_code == 200, answer.text
        return [UUID(payment["payment_id"]) for payment in answer.json()["items"]]


@pytest.fixture
def person_id() -> UUID:
    return new_id()


@pytest.fixture
def reader(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> Reader:
    return Reader(api, tokens, person_id)


async def other_provider(database: Database, kind: str) -> UUID:
    provider = Provider(provider_id=new_id(), kind=kind, name="Sample", endpoint_url="http://127.0.0.1:1", as_of=now())
    await past.save(database, provider)
    return provider.provider_id


async def test_days_begin_and_end_at_midnight_in_china(
    reader: Reader, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    moments = (
        china(2027, 12, 31, 23, 59),
        china(2028, 1, 1, 0, 0),
        china(2028, 2, 29, 23, 59),
        china(2028, 3, 1, 0, 0),
    )
    old, new_year, leap_day, march = [await past.add_payment(database, person_id, provider_id, at) for at in moments]
    assert await reader.ids(from_="2028-01-01") == [march, leap_day, new_year]
    assert await reader.ids(to="2027-12-31") == [old]
    assert await reader.ids(from_="2028-02-29", to="2028-02-29") == [leap_day]
    assert await reader.ids(from_="2028-02-01", to="2028-02-28") == []


async def test_each_filter_keeps_the_matching_payments(
    reader: Reader, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    gas = await other_provider(database, "gas")
    at = china(2026, 5, 1)
    done = await past.add_payment(database, person_id, provider_id, at, 1_000)
    failed = await past.add_payment(database, person_id, provider_id, at, 2_000, status=PaymentStatus.FAILED)
    warm = await past.add_payment(database, person_id, gas, at, 3_000, account_number="6540000021")
    assert await reader.ids(status="failed") == [failed]
    assert set(await reader.ids(status=["failed", "completed"])) == {done, failed, warm}
    assert await reader.ids(provider_id=gas) == [warm]
    assert await reader.ids(kind="gas") == [warm]
    assert await reader.ids(kind="heating") == []
    assert await reader.ids(account_number="6540000021") == [warm]
    assert await reader.ids(min_fen=1_001, max_fen=2_999) == [failed]
    assert await reader.ids(min_fen=3_000, status="failed") == []


async def test_filtered_pages_return_everything_once(
    reader: Reader, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    wanted = {
        await past.add_payment(database, person_id, provider_id, china(2026, 3, day), 500 + day) for day in range(1, 8)
    }
    await past.add_payment(database, person_id, provider_id, china(2026, 4, 1), 500)
    seen: list[UUID] = []
    query: dict[str, Any] = {"from_": "2026-03-01", "to": "2026-03-31", "limit": 3}
    while True:
        page = (await reader.query(**query)).json()
        seen += [UUID(payment["payment_id"]) for payment in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == 7
    assert set(seen) == wanted


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-30"},
        {"from": "1066-10-14"},
        {"to": "9999-12-31"},
        {"status": "lost"},
        {"kind": "x' OR 1=1"},
        {"account_number": "12"},
        {"min_fen": -1},
        {"max_fen": 10**30},
        {"provider_id": "me"},
    ],
    ids=str,
)
async def test_invalid_filters_are_refused(reader: Reader, query: dict[str, Any]) -> None:
    answer = await reader.query(**query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_period_that_ends_before_it_begins_is_refused(reader: Reader) -> None:
    answer = await reader.query(from_="2026-03-02", to="2026-03-01")
    assert (answer.status_code, answer.json()["code"]) == (422, "period_backwards")


async def test_payments_are_visible_to_their_payer_only(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    """An account owner sees that a bill is paid, but not which family member paid it."""
    owner, family = person_id, new_id()
    bindings = [
        AccountBinding(
            binding_id=new_id(), person_id=person, provider_id=provider_id, account_number=past.ACCOUNT, role=role
        )
        for person, role in ((owner, "owner"), (family, "family"))
    ]
    async with database.transaction() as tx:
        tx.add_all(bindings)
    payment_id = await past.add_payment(
        database, family, provider_id, china(2026, 5, 1), paid_fen=4140, booked_fen=4140
    )
    assert await Reader(api, tokens, owner).ids(account_number=past.ACCOUNT) == []
    for part in ("", "/receipt", "/receipt.pdf"):
        answer = await api.get(f"{PAYMENTS}/{payment_id}{part}", headers=tokens.resident(owner))
        assert answer.status_code == 404, part
    bills = (await api.get("/payments/v1/bills", headers=tokens.resident(owner))).json()["items"]
    assert [bill["status"] for bill in bills] == ["posted"]
    assert str(family) not in str(bills)
    assert str(payment_id) not in str(bills)


async def test_payers_keep_their_payments_when_the_binding_has_ended(
    reader: Reader, api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    ended = AccountBinding(
        binding_id=new_id(),
        person_id=person_id,
        provider_id=provider_id,
        account_number=past.ACCOUNT,
        role="family",
        ended_at=now(),
    )
    async with database.transaction() as tx:
        tx.add(ended)
    payment_id = await past.add_payment(database, person_id, provider_id, china(2026, 5, 1))
    assert await reader.ids() == [payment_id]
    printed = await api.get(f"{PAYMENTS}/{payment_id}/receipt.pdf", headers=tokens.resident(person_id))
    assert printed.status_code == 200, printed.text
    assert (await api.get("/payments/v1/bills", headers=tokens.resident(person_id))).json()["items"] == []
