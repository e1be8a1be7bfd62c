"""The chain proven in spans of one link each: nothing is lost between two of them."""

import pytest
from obstore.store import ObjectStore
from sqlalchemy import text

from chassis.db import Database, new_id
from kit.audit.anchoring import Anchoring
from svc_payments.ledger import chain_proof, facts
from svc_payments.ledger.models import TransferKind
from svc_payments.ledger.service import bank, channel_receivable, transfer
from svc_payments.ledger.spans import HIGHEST, LOWEST, Span, spans
from tests.svc_payments.ledger.test_proof import findings_of, settle, without_triggers
from tests.svc_payments.world import World

CHANGED = "does not hold what was sealed"


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_proof, "LINKS_AT_ONCE", 1)
    monkeypatch.setattr(facts, "FACTS_AT_ONCE", 1)


async def edited(database: Database, store: ObjectStore, *edits: str) -> list[str]:
    """The findings after edits of the owner with the triggers off."""
    async with without_triggers(database) as tx:
        for edit in edits:
            await tx.execute(text(edit))
    return await findings_of(database, store)


def test_spans_leave_no_number_out() -> None:
    assert spans([]) == [Span(LOWEST, HIGHEST)]
    assert spans([20, 10, 10]) == [Span(LOWEST, 10), Span(11, 20), Span(21, HIGHEST)]
    assert spans([LOWEST, HIGHEST]) == [Span(LOWEST, LOWEST), Span(LOWEST + 1, HIGHEST)]


async def test_intact_books_have_no_findings(world: World, store: ObjectStore, anchors: Anchoring) -> None:
    await world.captured(new_id())
    await settle(world.database, 100)
    await anchors.anchor(world.database)
    await world.captured(new_id())
    await settle(world.database, 200, 300)
    await anchors.anchor(world.database)
    assert await findings_of(world.database, store) == []


@pytest.mark.parametrize("link", [1, 2, 3])
async def test_an_edit_is_found_in_each_span(database: Database, store: ObjectStore, link: int) -> None:
    await settle(database, 100, 200, 300)
    edit = f"UPDATE ledger_entries SET amount_fen = amount_fen * 7 WHERE abs(amount_fen) = {link * 100}"  # noqa: S608
    found = await edited(database, store, edit)
    assert [finding[:6] for finding in found if CHANGED in finding] == [f"Link {link}"]


async def test_an_entry_moved_over_the_edge_of_a_span_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100, 200, 300)
    found = await edited(database, store, "UPDATE ledger_links SET last_position = last_position + 1 WHERE number = 1")
    assert [finding[:6] for finding in found if CHANGED in finding] == ["Link 1", "Link 2"]


async def test_the_end_of_a_link_in_a_gap_of_the_positions_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100)
    async with database.transaction() as tx:
        await tx.execute(text("SELECT nextval('ledger_entries_position_seq') FROM generate_series(1, 3)"))
    await settle(database, 200)
    found = await edited(database, store, "UPDATE ledger_links SET last_position = last_position + 1 WHERE number = 1")
    assert [finding[:6] for finding in found] == ["Link 1"]


async def test_a_link_that_ends_at_the_last_position_of_all_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100, 200)
    found = await edited(database, store, f"UPDATE ledger_links SET last_position = {HIGHEST} WHERE number = 2")  # noqa: S608
    assert found[0].startswith("Link 2 does not hold")


@pytest.mark.parametrize("position", [LOWEST, -5, HIGHEST])
async def test_an_entry_at_any_position_is_found(
    database: Database, store: ObjectStore, anchors: Anchoring, position: int
) -> None:
    await settle(database, 100, 200)
    await anchors.anchor(database)
    found = await edited(
        database,
        store,
        "INSERT INTO ledger_entries (position, transfer_id, account_id, amount_fen) OVERRIDING SYSTEM VALUE "  # noqa: S608
        f"SELECT {position}, transfer_id, account_id, 7 FROM ledger_entries WHERE position = 1",
    )
    assert [finding for finding in found if finding.startswith(f"Entry {position} of transfer")]


@pytest.mark.parametrize("number", [LOWEST, 0, HIGHEST])
async def test_a_link_of_any_number_is_found(database: Database, store: ObjectStore, number: int) -> None:
    await settle(database, 100, 200)
    found = await edited(
        database,
        store,
        "ALTER TABLE ledger_links DROP CONSTRAINT ck_ledger_links_number_positive",
        "INSERT INTO ledger_links SELECT "  # noqa: S608
        f"{number}, hash, hash, 900 + first_position, 900 + last_position, sealed_at, format, written_by "
        "FROM ledger_links WHERE number = 2",
    )
    assert [finding for finding in found if f"Link {number} " in finding]


async def test_a_fact_at_any_position_is_found(world: World, store: ObjectStore) -> None:
    await world.captured(new_id())
    found = await edited(world.database, store, f"UPDATE ledger_facts SET position = {HIGHEST}")  # noqa: S608
    assert [finding for finding in found if finding.startswith(f"ledger_facts {HIGHEST}")]


async def test_a_time_that_is_no_number_is_a_finding(database: Database, store: ObjectStore) -> None:
    await settle(database, 100)
    found = await edited(database, store, "UPDATE ledger_transfers SET created_at = 'infinity'")
    assert CHANGED in found[0]


async def test_a_backslash_in_a_holder_is_hashed_as_it_is(database: Database, store: ObjectStore) -> None:
    async with database.transaction() as tx:
        debit, credit = bank(), channel_receivable("sand\\\\box\\")
        await transfer(tx, TransferKind.CORRECTED, new_id(), debit=debit, credit=credit, amount_fen=100)
    assert await findings_of(database, store) == []


async def test_a_second_row_of_a_payment_is_found(world: World, store: ObjectStore) -> None:
    """Also where a first one is as it was sealed."""
    payment_id = await world.captured(new_id())
    found = await edited(
        world.database,
        store,
        "ALTER TABLE receipts DROP CONSTRAINT pk_receipts CASCADE",
        "INSERT INTO receipts SELECT payment_id, number || '0', issued_at FROM receipts",
    )
    assert f"receipts {payment_id}: not among what was sealed; it was inserted." in found or (
        f"receipts {payment_id}: number changed since it was sealed." in found
    )


async def test_an_anchor_states_other_sums_than_its_entries(
    database: Database, store: ObjectStore, anchors: Anchoring
) -> None:
    await settle(database, 100)
    await anchors.anchor(database)
    await settle(database, 200)
    await anchors.anchor(database)
    found = await edited(database, store, "UPDATE ledger_entries SET amount_fen = amount_fen * 2 WHERE position <= 2")
    anchored = [finding for finding in found if "was anchored with another" in finding]
    assert anchored == [
        f"Link {number} was anchored with another sum of its accounts: the chain was written anew since."
        for number in (1, 2)
    ]
