"""Relatives help each other."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, without

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_SEALED = (
    SealedTable(
        "family_accounts",
        without("phone_index", "name_index", "phone_masked", "helped_name", "helper_name", "reminders"),
    ),
)
_FAMILY_RULES = {
    "status": "status IN ('proposed', 'active', 'declined', 'withdrawn', 'expired')",
    "two_persons": "helper_id <> helped_id",
    "accepted": "(helper_id IS NULL) = (accepted_at IS NULL)",
    "helper_known": "status <> 'active' OR helper_id IS NOT NULL",
    "ended": "(status IN ('proposed', 'active')) = (ended_at IS NULL)",
    "limits": (
        "CASE WHEN 'pay' = ANY(scopes) THEN day_limit_fen > 0 AND month_limit_fen >= day_limit_fen "
        "ELSE num_nonnulls(day_limit_fen, month_limit_fen) = 0 END"
    ),
}
_NEWS = "('family_proposed', 'family_active', 'family_declined', 'family_ended', 'family_ending')"
_TIME = sa.DateTime(timezone=True)
_LIVE = sa.text("status IN ('proposed', 'active')")


def upgrade() -> None:
    _create_family_accounts()
    _create_notices()
    extend_trail(_SEALED)


def _create_family_accounts() -> None:
    op.create_table(
        "family_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("helped_id", sa.Uuid(), nullable=False),
        sa.Column("helped_name", sa.Text(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_masked", sa.Text(), nullable=False),
        sa.Column("name_index", sa.LargeBinary(), nullable=False),
        sa.Column("helper_name", sa.Text(), nullable=False),
        sa.Column("helper_id", sa.Uuid(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("day_limit_fen", "month_limit_fen")),
        sa.Column("valid_until", _TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("reminders", sa.SmallInteger(), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_family_accounts_{name}")) for name, rule in _FAMILY_RULES.items()),
        *(
            sa.ForeignKeyConstraint([column], ["persons.id"], name=op.f(f"fk_family_accounts_{column}_persons"))
            for column in ("helped_id", "helper_id", "ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_accounts")),
    )
    op.create_index(
        "uq_family_accounts_live", "family_accounts", ["helped_id", "phone_index"], unique=True, postgresql_where=_LIVE
    )
    op.create_index("ix_family_accounts_helped_id_id", "family_accounts", ["helped_id", "id"])
    for column in ("helper_id", "phone_index"):
        op.create_index(f"ix_family_accounts_{column}", "family_accounts", [column])
    op.create_index("ix_family_accounts_valid_until", "family_accounts", ["valid_until"], postgresql_where=_LIVE)


def _create_notices() -> None:
    op.create_table(
        "family_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"what IN {_NEWS}", name=op.f("ck_family_notices_what")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_family_notices_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_notices")),
    )
    op.create_index("ix_family_notices_try_at", "family_notices", ["try_at"])


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("family_notices", "family_accounts"):
        op.drop_table(table)
