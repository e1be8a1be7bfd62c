"""The trail seals payment terms with their approvals, limits of refunds, codes of receipts, and proofs of payouts."""

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_VERSION = f"concat_ws(' ', {ROW}.provider_id, {ROW}.version)"
_SEALED = (
    SealedTable("payment_terms", key=_VERSION),
    SealedTable("payment_terms_approvals", key=_VERSION),
    SealedTable("refund_operator_days", key=f"concat_ws(' ', {ROW}.operator_id, {ROW}.day)"),
    SealedTable("receipt_codes", with_hashes(code=["code"]), key=f"{ROW}.payment_id::text"),
    SealedTable("payout_codes", key=f"{ROW}.refund_id::text"),
    SealedTable("payout_approvals", key=f"{ROW}.refund_id::text"),
)


def upgrade() -> None:
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
