"""The trail seals discrepancies with their entries, and incidents."""

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_SEALED = (
    SealedTable("cases"),
    SealedTable("case_entries", with_hashes(words=["words"])),
    SealedTable("incidents"),
)


def upgrade() -> None:
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
