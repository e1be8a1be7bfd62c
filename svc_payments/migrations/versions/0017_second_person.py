"""The rule of the second person has one name in every table."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NAMES_BEFORE = {
    "refunds": "two_people",
    "transfer_files": "two_people",
    "manual_actions": "two_persons",
    "till_sessions": "closed_by_another",
}


def upgrade() -> None:
    for table, before in _NAMES_BEFORE.items():
        _rename(table, before, "second_person")


def downgrade() -> None:
    for table, before in _NAMES_BEFORE.items():
        _rename(table, "second_person", before)


def _rename(table: str, name: str, new: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT ck_{table}_{name} TO ck_{table}_{new}")
