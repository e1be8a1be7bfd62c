"""The trail of companies, tariffs and accounts becomes a hash chain."""

from kit.audit.migration import create_trail, drop_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# What could be guessed is hashed with a random column of its row, which is not in the seal itself.
_APPLICATION = with_hashes(
    contact_phone=("token_hash", "contact_phone"), token_hash=("token_hash",), refusal_reason=("refusal_reason",)
)
_BINDING = with_hashes(account_number=("request_id", "account_number"), request_id=("request_id",))

_SEALED = (
    SealedTable("provider_applications", _APPLICATION),
    SealedTable("providers", with_hashes(suspension_reason=("suspension_reason",))),
    SealedTable("provider_changes", with_hashes(reason=("reason",))),
    SealedTable("ended_keys", key=f"{ROW}.provider_id || '/' || {ROW}.thumbprint"),
    SealedTable("tariffs"),
    SealedTable("tariff_tiers", key=f"{ROW}.tariff_id || '/' || {ROW}.position"),
    SealedTable("holder_changes", with_hashes(reason=("reason",))),
    SealedTable("account_bindings", _BINDING),
)


def upgrade() -> None:
    create_trail(_SEALED)


def downgrade() -> None:
    drop_trail(_SEALED)
