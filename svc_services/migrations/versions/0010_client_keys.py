"""Keys of companies end at a stated time, with warnings before, or are fetched; organisations are claimed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("key_sources", key=f"{ROW}.provider_id::text"),)
_DECIDED = """
    UPDATE provider_applications SET refusal_reason = closure, closure = NULL, decided_by = id, decided_at = created_at
    WHERE closure IS NOT NULL
"""
_ACTIONS = ["suspend", "resume", "add_key", "end_key", "correct_endpoint", "declare_customer_parameters"]


def upgrade() -> None:
    _allow([*_ACTIONS, "limit_key", "fetch_keys"])
    op.create_table(
        "key_warnings",
        sa.Column("thumbprint", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days_before", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("thumbprint", "valid_until", "days_before", name=op.f("pk_key_warnings")),
    )

    op.create_table(
        "key_sources",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("jwks_uri", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_key_sources_provider_id_providers")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_key_sources")),
    )
    _create_fetches()
    _create_claims()
    extend_trail(_SEALED)


def _create_claims() -> None:
    op.create_table(
        "claimed_organisations",
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("representative_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("uscc", name=op.f("pk_claimed_organisations")),
    )
    op.create_table(
        "mandates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, postgresql.ARRAY(sa.Text()), nullable=False) for name in ("scopes", "division_codes")),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
    )
    op.create_index("ix_mandates_uscc_agent_id", "mandates", ["uscc", "agent_id"])
    op.add_column("provider_applications", sa.Column("proved_by", sa.Uuid(), nullable=True))
    op.add_column("provider_applications", sa.Column("closure", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_provider_applications_closure"), "provider_applications", "closure IN ('displaced', 'expired')"
    )
    _check(
        "decided",
        "num_nulls(decided_by, decided_at) = CASE WHEN status = 'applied' OR closure IS NOT NULL THEN 2 ELSE 0 END",
    )
    _check("refusal_reason", "num_nonnulls(refusal_reason, closure) = CASE WHEN status = 'refused' THEN 1 ELSE 0 END")


def _check(name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_provider_applications_{name}"), "provider_applications")
    op.create_check_constraint(op.f(f"ck_provider_applications_{name}"), "provider_applications", condition)


def _create_fetches() -> None:
    source = ["key_sources.provider_id"]
    op.create_table(
        "key_fetches",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], source, name=op.f("fk_key_fetches_provider_id_key_sources")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_key_fetches")),
    )
    op.create_index("ix_key_fetches_try_at", "key_fetches", ["try_at"])
    op.create_table(
        "fetched_keys",
        sa.Column("thumbprint", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["thumbprint"], ["provider_keys.thumbprint"], name=op.f("fk_fetched_keys_thumbprint_provider_keys")
        ),
        sa.ForeignKeyConstraint(["provider_id"], source, name=op.f("fk_fetched_keys_provider_id_key_sources")),
        sa.PrimaryKeyConstraint("thumbprint", name=op.f("pk_fetched_keys")),
    )
    op.create_index("ix_fetched_keys_provider_id", "fetched_keys", ["provider_id"])


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.execute(_DECIDED)
    _check("refusal_reason", "(status = 'refused') = (refusal_reason IS NOT NULL)")
    _check("decided", "(status = 'applied') = (decided_by IS NULL AND decided_at IS NULL)")
    for column in ("closure", "proved_by"):
        op.drop_column("provider_applications", column)
    for table in ("mandates", "claimed_organisations"):
        op.drop_table(table)
    for table in ("fetched_keys", "key_fetches", "key_sources", "key_warnings"):
        op.drop_table(table)
    _allow(_ACTIONS)


def _allow(actions: list[str]) -> None:
    op.drop_constraint(op.f("ck_provider_changes_action"), "provider_changes")
    listed = ", ".join(f"'{action}'" for action in actions)
    op.create_check_constraint(op.f("ck_provider_changes_action"), "provider_changes", f"action IN ({listed})")
