"""The proof finds any change of the books that was made with the triggers disabled."""

import contextlib
from collections.abc import AsyncIterator

import obstore
import pytest
from obstore.store import ObjectStore
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.testing import emitted
from kit.audit.anchoring import Anchoring
from kit.audit.anchors import AnchorConflict
from kit.audit.parts import prove_side_by_side, shared_snapshot
from svc_payments.ledger.anchors import anchored_heads
from svc_payments.ledger.chain import GENESIS
from svc_payments.ledger.models import Entry, Link, TransferKind
from svc_payments.ledger.proof import parts
from svc_payments.ledger.service import bank, channel_receivable, transfer
from tests.databases import as_administrator
from tests.svc_payments.world import World

CORRECTED = TransferKind.CORRECTED


@contextlib.asynccontextmanager
async def without_triggers(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction of the server's administrator."""
    owner = Database(as_administrator(database.engine.url))
    async with owner.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        yield tx
    await owner.close()


async def settle(database: Database, *amounts_fen: int) -> None:
    """One transfer, and so one link, for each amount."""
    for amount_fen in amounts_fen:
        async with database.transaction() as tx:
            debit, credit = bank(), channel_receivable("sandbox")
            await transfer(tx, CORRECTED, new_id(), debit=debit, credit=credit, amount_fen=amount_fen)


async def findings_of(database: Database, store: ObjectStore) -> list[str]:
    """As `verify` finds them: several connections read one snapshot."""
    heads = {head.link_number: head async for head in anchored_heads(store)}
    found: list[str] = []
    async with shared_snapshot(database) as readers:
        await prove_side_by_side(readers, await parts(readers[0], heads), found.append, lambda *_: None)
    return found


async def test_intact_books_have_no_findings(world: World, store: ObjectStore, anchors: Anchoring) -> None:
    assert await findings_of(world.database, store) == []
    await world.captured(new_id())
    await settle(world.database, 100, 200)
    await anchors.anchor(world.database)
    await settle(world.database, 300)
    assert await findings_of(world.database, store) == []


async def test_each_statement_is_a_link_that_follows_from_the_one_before(database: Database) -> None:
    await settle(database, 100, 200)
    async with database.read() as tx:
        first, second = (await tx.scalars(select(Link).order_by(Link.number))).all()
    assert (first.number, first.previous_hash) == (1, GENESIS)
    assert (second.number, second.previous_hash) == (2, first.hash)
    assert first.last_position < second.first_position


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE ledger_entries SET amount_fen = amount_fen * 2 WHERE abs(amount_fen) = 200",
        "UPDATE ledger_transfers SET created_at = created_at + interval '1 microsecond'",
        "UPDATE ledger_transfers SET kind = 'channel_fee'",
        "UPDATE ledger_transfers SET reference_id = uuidv7()",
        "UPDATE ledger_accounts SET holder = 'wechat' WHERE holder = 'sandbox'",
        "UPDATE ledger_links SET sealed_at = sealed_at - interval '1 day'",
        "UPDATE ledger_links SET hash = sha256('') WHERE number = 2",
    ],
)
async def test_an_edit_is_found(database: Database, store: ObjectStore, edit: str) -> None:
    await settle(database, 100, 200, 300)
    async with without_triggers(database) as tx:
        await tx.execute(text(edit))
    found = await findings_of(database, store)
    assert any(finding.startswith("Link 2 does not hold what was sealed") for finding in found)


async def test_a_deleted_transfer_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100, 200, 300)
    async with without_triggers(database) as tx:
        second = (await tx.scalars(select(Entry.transfer_id).where(Entry.amount_fen == 200))).one()
        await tx.execute(text("DELETE FROM ledger_entries WHERE transfer_id = :id"), {"id": second})
        await tx.execute(text("DELETE FROM ledger_transfers WHERE id = :id"), {"id": second})
    found = await findings_of(database, store)
    assert found[0].startswith("Link 2 does not hold what was sealed")
    assert sum("are kept" in finding or "is kept" in finding for finding in found) == 2


async def test_a_removed_link_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100, 200, 300)
    async with without_triggers(database) as tx:
        await tx.execute(text("DELETE FROM ledger_links WHERE number = 2"))
    assert (await findings_of(database, store))[:2] == [
        "Links 2 to 2 of the chain are missing.",
        "Link 3 does not follow from the link before it.",
    ]


async def test_a_cut_tail_is_found_by_its_anchor(database: Database, store: ObjectStore, anchors: Anchoring) -> None:
    await settle(database, 100, 200, 300)
    await anchors.anchor(database)
    async with without_triggers(database) as tx:
        await tx.execute(text("DELETE FROM ledger_links WHERE number = 3"))
        await tx.execute(text("DELETE FROM ledger_entries WHERE abs(amount_fen) = 300"))
        await tx.execute(text("DELETE FROM ledger_transfers WHERE id NOT IN (SELECT transfer_id FROM ledger_entries)"))
        await tx.execute(text("UPDATE ledger_accounts SET debit_fen = 300 WHERE debit_fen > 0"))
        await tx.execute(text("UPDATE ledger_accounts SET credit_fen = 300 WHERE credit_fen > 0"))
    assert await findings_of(database, store) == [
        "Link 3 is anchored, but the chain ends with link 2: its tail was cut off."
    ]


async def test_a_rewritten_chain_is_found_by_its_anchor(
    database: Database, store: ObjectStore, anchors: Anchoring
) -> None:
    await settle(database, 100, 200)
    await anchors.anchor(database)
    async with without_triggers(database) as tx:
        for table in ("entries", "transfers", "links", "accounts"):
            await tx.execute(text(f"DELETE FROM ledger_{table}"))  # noqa: S608 - our own names
        await tx.execute(text("ALTER SEQUENCE ledger_entries_position_seq RESTART"))
    await settle(database, 100, 150)
    assert await findings_of(database, store) == [
        "Link 2 was anchored with another hash: the chain was written anew since.",
    ]
    with pytest.raises(AnchorConflict):
        await anchors.anchor(database)


async def test_a_removed_anchor_is_found(database: Database, store: ObjectStore, anchors: Anchoring) -> None:
    await settle(database, 100)
    head = await anchors.anchor(database)
    assert head is not None
    await obstore.delete_async(store, head.object_name)
    assert await findings_of(database, store) == [
        f"The anchor of link 1 is not in the store of anchors: {head.object_name}.",
    ]


async def test_a_forged_balance_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100)
    async with without_triggers(database) as tx:
        await tx.execute(text("UPDATE ledger_accounts SET debit_fen = debit_fen + 1 WHERE kind = 'bank'"))
    found = await findings_of(database, store)
    assert len(found) == 2
    assert "(bank of settlement) is kept as ¥1.01 debited and ¥0.00 credited; its entries come to ¥1.00" in found[0]
    assert found[1] == "The trial balance does not come to zero: ¥1.01 debited, ¥1.00 credited."


async def test_a_transfer_written_behind_the_chain_is_found(database: Database, store: ObjectStore) -> None:
    await settle(database, 100)
    async with without_triggers(database) as tx:
        await tx.execute(
            text("INSERT INTO ledger_transfers (id, kind, reference_id) VALUES (uuidv7(), 'corrected', uuidv7())")
        )
        await tx.execute(
            text("""
                INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
                SELECT transfer.id, account.id, CASE account.kind WHEN 'bank' THEN 5 ELSE -5 END
                FROM ledger_transfers AS transfer CROSS JOIN ledger_accounts AS account
                WHERE transfer.id NOT IN (SELECT transfer_id FROM ledger_entries)
            """)
        )
    found = await findings_of(database, store)
    assert [finding.endswith("is in no link of the chain.") for finding in found[:2]] == [True, True]


async def test_a_capture_that_is_not_the_payments_is_found(world: World, store: ObjectStore) -> None:
    payment_id = await world.captured(new_id())
    async with without_triggers(world.database) as tx:
        await tx.execute(text("UPDATE payments SET amount_fen = amount_fen - 1"))
    found = await findings_of(world.database, store)
    assert any(finding.endswith(f"captures ¥41.40; payment {payment_id} is of ¥41.39.") for finding in found)
    assert f"payments {payment_id}: amount_fen changed since it was sealed." in found


async def test_a_captured_payment_without_a_capture_and_the_other_way_round(world: World, store: ObjectStore) -> None:
    payment_id = await world.captured(new_id())
    other = await world.confirmed(new_id())
    async with without_triggers(world.database) as tx:
        await tx.execute(text("UPDATE ledger_transfers SET reference_id = :other"), {"other": other})
    found = await findings_of(world.database, store)
    assert f"Payment {payment_id} is captured and has 0 capture transfers instead of one." in found
    assert any(finding.endswith(f"captures payment {other}, which is not captured.") for finding in found)


async def test_a_head_is_anchored_and_published_once(
    database: Database, store: ObjectStore, anchors: Anchoring
) -> None:
    assert await anchors.anchor(database) is None
    await settle(database, 100)
    first, second = [await anchors.anchor(database) for _ in range(2)]
    await anchors.anchor_when_due(database)
    assert first is not None
    assert second is not None
    assert (first.number, second.number, second.previous) == (1, 2, first.sha256())
    (head,) = [head async for head in anchored_heads(store)]
    async with database.read() as tx:
        (event,) = await emitted(tx)
    assert (event.type, event.data["hash"]) == ("cn.ili.payments.ledger.anchored.v1", head.hash)
    assert event.data["object_name"] == first.object_name
    assert await findings_of(database, store) == []
