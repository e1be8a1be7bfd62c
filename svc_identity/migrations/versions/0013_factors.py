"""Second factors: authenticator apps and passkeys; what was used stands in codes and token families."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_FACTOR = f"({with_hashes(name=('name',), secret=('secret',))}) - ARRAY['last_step', 'sign_count', 'used_at']::text[]"
_SEALED = (
    SealedTable("factors", _FACTOR),
    SealedTable("enrolment_codes", with_hashes(reason=("reason",))),
    SealedTable("factor_resets", with_hashes(reason=("reason",))),
)
_KEY = (
    "(secret IS NOT NULL) = (kind = 'totp' AND removed_at IS NULL) "
    "AND (public_key IS NOT NULL) = (kind = 'passkey' AND removed_at IS NULL)"
)
_RESETS = {
    "status": "status IN ('proposed', 'approved', 'rejected')",
    "second_person": "status = 'rejected' OR decided_by <> proposed_by",
    "decided": "(status = 'proposed') = (decided_by IS NULL)",
    "other_person": "person_id <> proposed_by AND person_id <> decided_by",
}


def _person(table: str, column: str = "person_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["persons.id"], op.f(f"fk_{table}_{column}_persons"))


def _factors() -> None:
    op.create_table(
        "factors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("credential_id", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("vouched_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("removed_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('totp', 'passkey')", name=op.f("ck_factors_kind")),
        sa.CheckConstraint(_KEY, name=op.f("ck_factors_key")),
        _person("factors"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factors")),
    )
    op.create_index("ix_factors_person_id", "factors", ["person_id"])
    kept = sa.text("removed_at IS NULL")
    op.create_index("uq_factors_credential_id", "factors", ["credential_id"], unique=True, postgresql_where=kept)


def _codes() -> None:
    op.create_table(
        "factor_tries",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("wrong", sa.SmallInteger(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        _person("factor_tries"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_factor_tries")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        _person("recovery_codes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    once = ["person_id", "code_hash"]
    op.create_index("uq_recovery_codes_person_id_code_hash", "recovery_codes", once, unique=True)
    op.create_table(
        "enrolment_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        _person("enrolment_codes"),
        _person("enrolment_codes", "issued_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_codes")),
    )
    op.create_index("ix_enrolment_codes_person_id", "enrolment_codes", ["person_id"])


def _notices() -> None:
    op.create_table(
        "factor_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("what IN ('factor_added', 'factor_removed')", name=op.f("ck_factor_notices_what")),
        _person("factor_notices"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factor_notices")),
    )
    op.create_index("ix_factor_notices_try_at", "factor_notices", ["try_at"])


def _resets() -> None:
    op.create_table(
        "factor_resets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_factor_resets_{name}")) for name, rule in _RESETS.items()),
        *(_person("factor_resets", each) for each in ("person_id", "proposed_by", "decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factor_resets")),
    )
    proposed = sa.text("status = 'proposed'")
    op.create_index("uq_factor_resets_open", "factor_resets", ["person_id"], unique=True, postgresql_where=proposed)


def upgrade() -> None:
    _factors()
    _codes()
    _notices()
    _resets()
    for table in ("authorization_codes", "token_families"):
        # All sign-ins until now were by a code in an SMS.
        methods: sa.Column[list[str]] = sa.Column(
            "amr", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{otp,sms}'"), nullable=False
        )
        op.add_column(table, methods)
        op.add_column(table, sa.Column("factor_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_factor_id_factors"), table, "factors", ["factor_id"], ["id"])
    op.add_column("sign_ins", sa.Column("phone_passed_at", _TIME, nullable=True))
    op.add_column("sign_ins", sa.Column("factor_id", sa.Uuid(), nullable=True))
    op.add_column("sign_ins", sa.Column("new_factor", sa.LargeBinary(), nullable=True))
    op.add_column("sign_ins", sa.Column("challenge", sa.LargeBinary(), nullable=True))
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    for column in ("challenge", "new_factor", "factor_id", "phone_passed_at"):
        op.drop_column("sign_ins", column)
    for table in ("authorization_codes", "token_families"):
        op.drop_column(table, "factor_id")
        op.drop_column(table, "amr")
    for table in ("factor_notices", "factor_resets", "enrolment_codes", "recovery_codes", "factor_tries", "factors"):
        op.drop_table(table)
