"""People change their phones, also lost ones, and may set a password."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes, without

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LIVE = "status IN ('started', 'waiting')"
_SECRET = ("old_phone", "old_index", "new_phone", "new_index", "old_hash", "new_hash", "stop_hash", "browser_hash")
_SEALED = (
    SealedTable("phone_changes", without(*_SECRET, "challenge"), only=f"{ROW}.status <> 'started'"),
    SealedTable("passwords", with_hashes(hash=("hash",))),
)
_CHANGES = {
    "way": "way IN ('old_phone', 'lost')",
    "status": "status IN ('started', 'waiting', 'completed', 'stopped', 'void')",
    "person": "status = 'started' OR person_id IS NOT NULL",
    "waiting": "(status = 'waiting') <= (completes_at IS NOT NULL AND stop_hash IS NOT NULL)",
    "ended": f"({_LIVE}) = (ended_at IS NULL)",
    "erased": f"num_nulls(new_phone, new_index) = CASE WHEN {_LIVE} THEN 0 ELSE 2 END "
    f"AND (({_LIVE}) OR num_nulls(old_phone, old_index) = 2)",
    "reason": "(status IN ('stopped', 'void')) = (end_reason IS NOT NULL)",
}
_INDEXES = (
    ("uq_phone_changes_waiting", "person_id", "status = 'waiting'"),
    ("ix_phone_changes_completes_at", "completes_at", "status = 'waiting'"),
    ("ix_phone_changes_person_id", "person_id", None),
    ("ix_phone_changes_created_at", "created_at", "status = 'started'"),
    ("ix_phone_changes_stop_hash", "stop_hash", None),
)


def _bytes(name: str, *, nullable: bool = True) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, _TIME, nullable=nullable)


def _changes() -> None:
    op.create_table(
        "phone_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _bytes("browser_hash"),
        sa.Column("sign_in_id", sa.Uuid(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        *(_bytes(name) for name in ("old_phone", "old_index", "new_phone", "new_index", "old_hash")),
        _bytes("new_hash", nullable=False),
        _time("codes_expire_at", nullable=False),
        _time("codes_passed_at"),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        _bytes("challenge"),
        _time("factor_passed_at"),
        sa.Column("displaced_id", sa.Uuid(), nullable=True),
        _time("created_at", nullable=False),
        *(_time(name) for name in ("completes_at", "reminded_at")),
        _bytes("stop_hash"),
        _time("ended_at"),
        sa.Column("end_reason", sa.Text(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_phone_changes_{name}")) for name, rule in _CHANGES.items()),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], op.f("fk_phone_changes_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_changes")),
    )
    for name, column, only in _INDEXES:
        where = sa.text(only) if only else None
        op.create_index(name, "phone_changes", [column], unique=name.startswith("uq"), postgresql_where=where)


def _tries_and_notices() -> None:
    op.create_table(
        "phone_proof_tries",
        sa.Column("id", sa.Uuid(), nullable=False),
        _bytes("new_index", nullable=False),
        _bytes("old_index", nullable=False),
        _time("tried_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_proof_tries")),
    )
    for column in ("new_index", "old_index"):
        op.create_index(f"ix_phone_proof_tries_{column}_tried_at", "phone_proof_tries", [column, "tried_at"])
    op.create_table(
        "phone_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        _bytes("phone", nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=True),
        _bytes("link", nullable=False),
        _time("created_at", nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_notices")),
    )
    op.create_index("ix_phone_notices_try_at", "phone_notices", ["try_at"])


def _passwords() -> None:
    op.create_table(
        "passwords",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=True),
        _time("set_at", nullable=False),
        *(_time(name) for name in ("removal_at", "removed_at")),
        sa.CheckConstraint("(hash IS NULL) = (removed_at IS NOT NULL)", name=op.f("ck_passwords_hash")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], op.f("fk_passwords_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passwords")),
    )
    kept = sa.text("removed_at IS NULL")
    op.create_index("uq_passwords_person_id", "passwords", ["person_id"], unique=True, postgresql_where=kept)
    op.create_table(
        "password_tries",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        _bytes("device", nullable=False),
        sa.Column("wrong", sa.SmallInteger(), nullable=False),
        _time("since", nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], op.f("fk_password_tries_person_id_persons")),
        sa.PrimaryKeyConstraint("person_id", "device", name=op.f("pk_password_tries")),
    )
    op.add_column("sign_ins", _time("password_passed_at"))


def upgrade() -> None:
    _changes()
    _tries_and_notices()
    _passwords()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_column("sign_ins", "password_passed_at")
    for table in ("password_tries", "passwords", "phone_notices", "phone_proof_tries", "phone_changes"):
        op.drop_table(table)
