"""The trail of packages, releases and reviews becomes a hash chain."""

from kit.audit.migration import create_trail, drop_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEALED = (
    SealedTable("apps"),
    SealedTable("packages"),
    SealedTable("releases"),
    SealedTable("reviews", with_hashes(reasons=("reasons",))),
    SealedTable("listings", key=f"{ROW}.app_id::text"),
)


def upgrade() -> None:
    create_trail(_SEALED)


def downgrade() -> None:
    drop_trail(_SEALED)
