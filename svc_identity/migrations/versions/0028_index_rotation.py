"""Blind indexes under a new key: which keys are in use, and level 3 outlasts the change of a key."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_INDEXED = (
    ("verifications", "id_number_index"),
    ("guardian_consents", "child_index"),
    ("mandates", "name_index"),
    ("family_accounts", "name_index"),
)
_TRIGGER = (
    "CREATE TRIGGER end_verification_with_phone BEFORE UPDATE ON persons FOR EACH ROW "
    "WHEN ({condition}) EXECUTE FUNCTION end_verification_with_phone()"
)
_OTHER_PHONE = "OLD.phone_index IS DISTINCT FROM NEW.phone_index"


def upgrade() -> None:
    op.create_table(
        "blind_index_keys",
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_blind_index_keys")),
    )
    for table, column in _INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    _end_verifications_when(f"{_OTHER_PHONE} AND current_setting('myili.reindexing', true) IS DISTINCT FROM 'on'")


def downgrade() -> None:
    _end_verifications_when(_OTHER_PHONE)
    for table, column in reversed(_INDEXED):
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_table("blind_index_keys")


def _end_verifications_when(condition: str) -> None:
    op.execute("DROP TRIGGER end_verification_with_phone ON persons")
    op.execute(_TRIGGER.format(condition=condition))
