"""Relatives help each other."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes, without

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ORDER = (
    "("
    + with_hashes(
        name=("name",), id_number=("id_number",), id_number_index=("id_number", "id_number_index"), reason=("reason",)
    )
    + ") - ARRAY['phone_index', 'phone_masked', 'name_index', 'helper_name']::text[]"
)
_SEALED = (
    SealedTable(
        "family_accounts",
        without("phone_index", "name_index", "phone_masked", "helped_name", "helper_name", "reminders"),
    ),
    # The index of a number that failed could be tried out for ever.
    SealedTable("guardian_consents", without("child_index")),
    SealedTable("guardian_claims"),
    SealedTable("family_orders", _ORDER),
)
_FAMILY_RULES = {
    "kind": "kind IN ('relative', 'guardian')",
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
    _create_guardianship()
    _create_orders()
    extend_trail(_SEALED)


def _create_family_accounts() -> None:
    op.create_table(
        "family_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
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
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("reminders", sa.SmallInteger(), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_family_accounts_{name}")) for name, rule in _FAMILY_RULES.items()),
        *(
            sa.ForeignKeyConstraint([column], ["persons.id"], name=op.f(f"fk_family_accounts_{column}_persons"))
            for column in ("helped_id", "helper_id", "proposed_by", "ended_by")
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


def _create_guardianship() -> None:
    op.create_table(
        "guardian_consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("child_index", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("version", "language", "client_id")),
        sa.Column("given_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["guardian_id"], ["persons.id"], name=op.f("fk_guardian_consents_guardian_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_consents")),
    )
    op.create_index("ix_guardian_consents_guardian_id", "guardian_consents", ["guardian_id"])
    op.create_table(
        "guardian_claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["identity_claims.id"], name=op.f("fk_guardian_claims_id_identity_claims")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_claims")),
    )


def _create_orders() -> None:
    rules = {
        "status": "status IN ('open', 'confirmed', 'refused', 'expired')",
        "second_person": "decided_by <> ordered_by",
        "erased": "num_nulls(name, id_number, id_number_index) = CASE WHEN status = 'open' THEN 0 ELSE 3 END",
        "confirmed": "(status = 'confirmed') = (family_account_id IS NOT NULL)",
    }
    references = {"organisation_id": "organisations", "family_account_id": "family_accounts"}
    references |= dict.fromkeys(("ordered_by", "decided_by"), "persons")
    op.create_table(
        "family_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("name", "id_number", "id_number_index")),
        sa.Column("consent_version", sa.Text(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("phone_index", "name_index")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("phone_masked", "helper_name", "status", "reason")),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("day_limit_fen", "month_limit_fen")),
        *(sa.Column(name, _TIME, nullable=False) for name in ("valid_until", "ordered_at")),
        sa.Column("ordered_by", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("family_account_id", sa.Uuid(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_family_orders_{name}")) for name, rule in rules.items()),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_family_orders_{column}_{table}"))
            for column, table in references.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_orders")),
    )
    for column in ("family_account_id", "ordered_at"):
        op.create_index(f"ix_family_orders_{column}", "family_orders", [column])


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("family_orders", "guardian_claims", "guardian_consents", "family_notices", "family_accounts"):
        op.drop_table(table)
