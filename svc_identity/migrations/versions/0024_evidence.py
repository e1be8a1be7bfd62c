"""Requests for a correction of personal data."""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("corrections", with_hashes(words=("words",), answer=("answer",))),)
_OPEN = sa.text("status = 'open'")
_PURPOSE = "ck_personal_data_reads_purpose"
_DEFINITION = f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{_PURPOSE}'"  # noqa: S608 - ours
_NEVER = (
    "CREATE TRIGGER never_removed_by_trail BEFORE {} ON phone_changes FOR EACH {} "
    "EXECUTE FUNCTION refuse_change_of_trail()"
)
_CHECKS = {
    "about": "about IN ('name', 'utility_account', 'bill', 'payment', 'organisation', 'other')",
    "status": "status IN ('open', 'corrected', 'refused', 'withdrawn')",
    "ended": "(status = 'open') = (ended_at IS NULL)",
    "answered": "(status IN ('corrected', 'refused')) = (answered_by IS NOT NULL)",
    "answer": "status IN ('corrected', 'refused') OR answer IS NULL",
}


def _purposes() -> list[str]:
    """Those that the database knows: the migrations before this one may have added some."""
    return re.findall(r"'(\w+)'::text", op.get_bind().scalar(sa.text(_DEFINITION)) or "")


def _allow(purposes: Sequence[str], how: str = "") -> None:
    listed = ", ".join(f"'{each}'" for each in purposes)
    op.drop_constraint(op.f(_PURPOSE), "personal_data_reads")
    op.execute(f"ALTER TABLE personal_data_reads ADD CONSTRAINT {_PURPOSE} CHECK (purpose IN ({listed})) {how}")


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_corrections_{name}")) for name, rule in _CHECKS.items()),
        *(
            sa.ForeignKeyConstraint([column], ["persons.id"], name=op.f(f"fk_corrections_{column}_persons"))
            for column in ("person_id", "answered_by")
        ),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_corrections_division_code_divisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index("uq_corrections_open", "corrections", ["person_id", "about"], unique=True, postgresql_where=_OPEN)
    op.create_index("ix_corrections_person_id_id", "corrections", ["person_id", "id"])
    waiting = ["division_code", "id"]
    op.create_index("ix_corrections_division_code_open", "corrections", waiting, postgresql_where=_OPEN)
    _allow([*_purposes(), "correction"])
    remembered = sa.text("id_number_index <> ''")
    op.create_index("ix_proofing_attempts_remembered", "proofing_attempts", ["started_at"], postgresql_where=remembered)
    extend_trail(_SEALED)
    _let_begun_changes_go()


def _let_begun_changes_go() -> None:
    """Only sealed rows of phone_changes are never removed: what merely began is pruned with its numbers."""
    op.execute("DROP TRIGGER never_removed_by_trail ON phone_changes")
    op.execute(_NEVER.format("DELETE", "ROW WHEN (OLD.status <> 'started')"))
    op.execute(_NEVER.replace("removed", "emptied").format("TRUNCATE", "STATEMENT"))


def downgrade() -> None:
    op.execute("DROP TRIGGER never_emptied_by_trail ON phone_changes")
    op.execute("DROP TRIGGER never_removed_by_trail ON phone_changes")
    op.execute(_NEVER.format("DELETE OR TRUNCATE", "STATEMENT"))
    shorten_trail(_SEALED)
    op.drop_index("ix_proofing_attempts_remembered", "proofing_attempts")
    # Reads for this purpose are kept for ever, so an older release finds a value that it does not know.
    _allow([each for each in _purposes() if each != "correction"], "NOT VALID")
    op.drop_table("corrections")
