"""Single changes by the tables' owner that nothing in the books once contradicted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.ledger.__main__ import COMMAND
from tests.svc_payments.ledger.tampering.scene import play
from tests.svc_payments.world import World
from tests.tampering.trial import Proof, with_triggers_off

SEALED = {
    "a fee added to the terms": (
        "UPDATE payment_terms SET document = document || '{\"fee_basis_points\": 500}' RETURNING provider_id",
        "document changed",
    ),
    "another second person of the terms": (
        "UPDATE payment_terms_approvals SET approved_by = uuidv7() RETURNING provider_id",
        "approved_by changed",
    ),
    "an operator's day begun anew": (
        "UPDATE refund_operator_days SET refunds = refunds + 1, alone_fen = 0 RETURNING operator_id",
        "refunds changed",
    ),
    "a receipt code of one's own": (
        (
            "INSERT INTO receipt_codes (payment_id, code, code_hash) SELECT payment_id, 'mine', sha256('mine') "
            "FROM receipts WHERE payment_id NOT IN (SELECT payment_id FROM receipt_codes) LIMIT 1 RETURNING payment_id"
        ),
        "sealed nowhere",
    ),
    "a receipt code exchanged": ("UPDATE receipt_codes SET code = 'mine' RETURNING payment_id", "code changed"),
    "another supervisor of a payout": (
        "UPDATE payout_approvals SET approved_by = uuidv7() RETURNING refund_id",
        "approved_by changed",
    ),
    "another meter code of a booking": (
        "UPDATE postings SET prepaid_kind = 'token', prepaid_token = '1' WHERE status = 'booked' RETURNING id",
        "prepaid_kind, prepaid_token changed",
    ),
    "a partly paid bill's line held back": (
        (
            "UPDATE payment_lines AS line SET released_at = captured_at, partial = true FROM payments "
            "WHERE id = payment_id AND captured_at IS NOT NULL AND released_at IS NULL RETURNING bill_id"
        ),
        "partial, released_at changed",
    ),
    "a booking kept on another day": (
        "UPDATE postings SET settled_at = settled_at + interval '1 hour' WHERE status = 'kept' RETURNING id",
        "settled_at changed",
    ),
    "a kept booking of another number": (
        "UPDATE postings SET provider_reference = 'mine' WHERE status = 'kept' RETURNING id",
        "provider_reference changed",
    ),
    "a kept booking that is cancelled once more": (
        "UPDATE postings SET status = 'cancelling', settled_at = NULL WHERE status = 'kept' RETURNING id",
        "settled_at, status changed",
    ),
    "a mandate for more": ("UPDATE mandates SET limit_fen = limit_fen * 100 RETURNING id", "limit_fen changed"),
    "an incident of another payment": ("UPDATE incidents SET subject = 'another' RETURNING id", "subject changed"),
    "an incident put away": ("UPDATE incidents SET resolved_at = now() RETURNING id", "resolved_at changed"),
    "an incident removed": ("DELETE FROM incidents RETURNING id", "no longer there"),
    "a discrepancy made smaller": (
        "UPDATE cases SET difference_fen = 1, statement_fen = ledger_fen + 1 RETURNING id",
        "difference_fen, statement_fen changed",
    ),
    "a discrepancy written off alone": (
        "UPDATE cases SET status = 'closed', resolution = 'written_off', closed_at = now() RETURNING id",
        "closed_at, resolution, status changed",
    ),
    "a discrepancy removed": ("DELETE FROM cases RETURNING id", "no longer there"),
    "other words about a discrepancy": (
        "UPDATE case_entries SET words = 'mine' WHERE words IS NOT NULL RETURNING id",
        "words changed",
    ),
    "a payout code of one's own": (
        "UPDATE payout_codes SET code_hash = sha256('1'), wrong = 0 RETURNING refund_id",
        "code_hash changed",
    ),
}

DERIVED = {
    "a paid bill due again": (
        "UPDATE bills SET status = 'due' WHERE status = 'paid' RETURNING id",
        "status is due, which does not follow",
    ),
    "a posted bill of another amount": (
        "UPDATE bills SET amount_fen = amount_fen + 1 WHERE status = 'posted' RETURNING id",
        "amount_fen other than in posting",
    ),
    "a paid bill of another account": (
        "UPDATE bills SET account_number = '6540000021' WHERE status = 'posted' RETURNING id",
        "account_number other than in posting",
    ),
    "a bill being paid made due": (
        "UPDATE bills SET status = 'due' WHERE status = 'paying' RETURNING id",
        "status is due, which does not follow",
    ),
    "a due bill withdrawn": (
        "UPDATE bills SET status = 'void' WHERE status = 'due' AND paid_fen = 0 RETURNING id",
        "status is void, which does not follow",
    ),
    "a booking of another day": (
        "UPDATE postings SET settled_at = settled_at - interval '1 day' WHERE status = 'booked' RETURNING id",
        "settled_at is not as booked",
    ),
    "a booking that is not settled": (
        "UPDATE postings SET settled_at = NULL WHERE status = 'booked' RETURNING id",
        "settled_at is not as booked",
    ),
    "a reversal of another day": (
        (
            "UPDATE postings SET settled_at = settled_at - interval '1 day' WHERE status = 'cancelled' "
            "AND provider_reference IS NOT NULL RETURNING id"
        ),
        "settled_at is not as booked",
    ),
    "a refusal of another day": (
        "UPDATE postings SET settled_at = settled_at - interval '1 day' WHERE status = 'refused' RETURNING id",
        "the refund of its refusal began",
    ),
    "a posting given up": ("UPDATE postings SET given_up_at = now() RETURNING id", "given_up_at is"),
    "a paid line released": (
        (
            "UPDATE payment_lines SET released_at = now() WHERE released_at IS NULL AND payment_id IN "
            "(SELECT payment_id FROM receipts) RETURNING payment_id"
        ),
        "released_at is",
    ),
    "a line of an open payment released": (
        (
            "UPDATE payment_lines SET released_at = now() WHERE payment_id IN "
            "(SELECT id FROM payments WHERE status = 'pending') RETURNING payment_id"
        ),
        "released_at is",
    ),
    "a refunded line not released": (
        "UPDATE payment_lines SET released_at = NULL WHERE refunded_fen > 0 RETURNING payment_id",
        "released_at is",
    ),
    "a payment completed on another day": (
        "UPDATE payments SET completed_at = completed_at - interval '1 day' WHERE refunded_fen = 0 RETURNING id",
        "completed_at is",
    ),
    "a payment not completed": (
        "UPDATE payments SET completed_at = NULL WHERE completed_at IS NOT NULL RETURNING id",
        "completed_at is",
    ),
    "an account opened on another day": (
        "UPDATE ledger_accounts SET created_at = created_at - interval '1 day' RETURNING id",
        "created_at is",
    ),
}


@pytest_asyncio.fixture
async def owner_tx(world: World) -> AsyncIterator[AsyncSession]:
    await play(world)
    await world.captured(new_id())
    async with with_triggers_off(world.database) as tx:
        yield tx


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(COMMAND, (tmp_path / "anchors").as_uri())


async def test_each_change_of_what_is_sealed_is_named(owner_tx: AsyncSession, proof: Proof) -> None:
    await expect_each_named(owner_tx, proof, SEALED)


async def test_each_change_of_what_follows_from_the_ledger_is_named(owner_tx: AsyncSession, proof: Proof) -> None:
    await expect_each_named(owner_tx, proof, DERIVED)


async def expect_each_named(tx: AsyncSession, proof: Proof, attacks: dict[str, tuple[str, str]]) -> None:
    """Each change by itself has a finding with these words and the key that the statement returns."""
    assert [finding async for finding in proof.of(tx)] == []
    for attack, (statement, words) in attacks.items():
        change = await tx.begin_nested()
        key = (await tx.execute(text(statement.replace(":", "\\:")))).scalars().first()
        assert key, f"the scene has no row for {attack}"
        found = [finding async for finding in proof.of(tx)]
        assert [finding for finding in found if words in finding and str(key) in finding], f"{attack}: {found}"
        await change.rollback()
