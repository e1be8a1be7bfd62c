"""Reference data, providers and their applications, tariffs, account bindings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_table(
        "divisions",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_divisions"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name="pk_inbox"),
    )
    op.create_index("ix_inbox_handled_at", "inbox", ["handled_at"])
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("position", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
    )
    op.create_index("ix_outbox_published_at", "outbox", ["published_at"])
    op.create_index("ix_outbox_waiting", "outbox", ["position"], postgresql_where=sa.text("published_at IS NULL"))
    op.create_table(
        "used_attestations",
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_used_attestations"),
    )
    op.create_index("ix_used_attestations_expires_at", "used_attestations", ["expires_at"])
    op.create_table(
        "utility_kinds",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('water', 'electricity', 'gas', 'heating', 'telecom', 'cable_tv')",
            name=op.f("ck_utility_kinds_kind"),
        ),
        sa.PrimaryKeyConstraint("kind", name="pk_utility_kinds"),
    )
    op.create_table(
        "provider_applications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("division_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("endpoint_url", sa.Text(), nullable=False),
        sa.Column("contact_phone", sa.Text()),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal_reason", sa.Text()),
        sa.Column("decided_by", sa.Uuid()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'applied') = (decided_by IS NULL AND decided_at IS NULL)",
            name=op.f("ck_provider_applications_decided"),
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal_reason IS NOT NULL)", name=op.f("ck_provider_applications_refusal_reason")
        ),
        sa.CheckConstraint(
            "status IN ('applied', 'approved', 'refused')", name=op.f("ck_provider_applications_status")
        ),
        sa.ForeignKeyConstraint(["kind"], ["utility_kinds.kind"], name="fk_provider_applications_kind_utility_kinds"),
        sa.PrimaryKeyConstraint("id", name="pk_provider_applications"),
    )
    op.create_index(
        "uq_provider_applications_live",
        "provider_applications",
        ["uscc", "kind"],
        unique=True,
        postgresql_where=sa.text("status IN ('applied', 'approved')"),
    )
    op.create_table(
        "townships",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["division_code"], ["divisions.code"], name="fk_townships_division_code_divisions"),
        sa.PrimaryKeyConstraint("code", name="pk_townships"),
    )
    op.create_index("ix_townships_division_code", "townships", ["division_code"])
    op.create_table(
        "providers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("division_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("endpoint_url", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["provider_applications.id"], name="fk_providers_id_provider_applications"),
        sa.ForeignKeyConstraint(["kind"], ["utility_kinds.kind"], name="fk_providers_kind_utility_kinds"),
        sa.PrimaryKeyConstraint("id", name="pk_providers"),
    )
    op.create_index("ix_providers_uscc_kind", "providers", ["uscc", "kind"], unique=True)
    op.create_table(
        "account_bindings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text()),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_account_bindings_refused")),
        sa.CheckConstraint(
            "refusal IN ('account_not_found', 'holder_does_not_match', 'already_bound')",
            name=op.f("ck_account_bindings_refusal"),
        ),
        sa.CheckConstraint("role IN ('owner')", name=op.f("ck_account_bindings_role")),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'refused', 'unknown', 'ended')", name=op.f("ck_account_bindings_status")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_account_bindings_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_account_bindings"),
    )
    op.create_index(
        "ix_account_bindings_pending", "account_bindings", ["asked_at"], postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index("ix_account_bindings_person_id_asked_at", "account_bindings", ["person_id", "asked_at"])
    op.create_index(
        "uq_account_bindings_live",
        "account_bindings",
        ["person_id", "provider_id", "account_number"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'active', 'unknown')"),
    )
    op.create_index(
        "uq_account_bindings_owner",
        "account_bindings",
        ["provider_id", "account_number"],
        unique=True,
        postgresql_where=sa.text("status = 'active' AND role = 'owner'"),
    )
    op.create_table(
        "tariffs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer_class", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("fixed_fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "customer_class IN ('residential', 'commercial', 'industrial', 'agricultural', 'special')",
            name=op.f("ck_tariffs_customer_class"),
        ),
        sa.CheckConstraint("unit IN ('m3', 'kWh', 'GJ', 'm2', 'month')", name=op.f("ck_tariffs_unit")),
        sa.CheckConstraint("fixed_fee_fen >= 0", name=op.f("ck_tariffs_fixed_fee")),
        sa.ForeignKeyConstraint(["kind"], ["utility_kinds.kind"], name="fk_tariffs_kind_utility_kinds"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_tariffs_provider_id_providers"),
        sa.PrimaryKeyConstraint("id", name="pk_tariffs"),
        sa.UniqueConstraint("provider_id", "customer_class", "unit", "effective_from", name="uq_tariffs_date"),
        sa.UniqueConstraint("provider_id", "customer_class", "unit", "version", name="uq_tariffs_version"),
    )
    op.create_table(
        "tariff_tiers",
        sa.Column("tariff_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("up_to_e3", sa.BigInteger()),
        sa.Column("unit_price_e4", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("unit_price_e4 >= 0", name=op.f("ck_tariff_tiers_unit_price")),
        sa.CheckConstraint("up_to_e3 > 0", name=op.f("ck_tariff_tiers_up_to")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariffs.id"], name="fk_tariff_tiers_tariff_id_tariffs"),
        sa.PrimaryKeyConstraint("tariff_id", "position", name="pk_tariff_tiers"),
    )


def downgrade() -> None:
    op.drop_table("tariff_tiers")
    op.drop_table("tariffs")
    op.drop_table("account_bindings")
    op.drop_table("providers")
    op.drop_table("townships")
    op.drop_table("provider_applications")
    op.drop_table("utility_kinds")
    op.drop_table("used_attestations")
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("idempotency_keys")
    op.drop_table("divisions")
    op.drop_table("dead_letters")
