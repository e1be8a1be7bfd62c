"""Consents by version, what people allow to apps, who read their data, and closures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("consents"), SealedTable("app_access"), SealedTable("closures"))
_IN_FORCE = sa.text("withdrawn_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("activity", "version", "way")),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("activity IN ('account', 'identity_proofing')", name=op.f("ck_consents_activity")),
        sa.CheckConstraint("way IN ('sign_in_page', 'app')", name=op.f("ck_consents_way")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_consents_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_person_id_id", "consents", ["person_id", "id"])
    consent = ["person_id", "activity", "version"]
    op.create_index("uq_consents_in_force", "consents", consent, unique=True, postgresql_where=_IN_FORCE)
    op.create_table(
        "app_access",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_app_access_client_id_clients")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_app_access_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_access")),
    )
    op.create_index("ix_app_access_person_id_id", "app_access", ["person_id", "id"])
    access = ["person_id", "client_id"]
    op.create_index("uq_app_access_in_force", "app_access", access, unique=True, postgresql_where=_IN_FORCE)
    op.create_table(
        "data_reads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("service", "reference")),
        sa.Column("data", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_reads")),
    )
    op.create_index("ix_data_reads_person_id_id", "data_reads", ["person_id", "id"])
    _create_closures()
    op.add_column("sign_ins", sa.Column("agreed_version", sa.Text(), nullable=True))
    extend_trail(_SEALED)


def _create_closures() -> None:
    op.create_table(
        "closures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('requested', 'cancelled', 'closed')", name=op.f("ck_closures_status")),
        sa.CheckConstraint("(status = 'requested') = (ended_at IS NULL)", name=op.f("ck_closures_ended")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_closures_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    requested = sa.text("status = 'requested'")
    op.create_index("ix_closures_person_id", "closures", ["person_id"])
    op.create_index("uq_closures_requested", "closures", ["person_id"], unique=True, postgresql_where=requested)
    op.create_index("ix_closures_closes_at", "closures", ["closes_at"], postgresql_where=requested)
    op.create_table(
        "open_payments",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_open_payments")),
    )
    op.create_index("ix_open_payments_person_id", "open_payments", ["person_id"])
    op.add_column("persons", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_persons_phone_until_closed"), "persons", "closed_at IS NULL OR phone IS NULL")


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_constraint(op.f("ck_persons_phone_until_closed"), "persons")
    op.drop_column("persons", "closed_at")
    op.drop_table("open_payments")
    op.drop_table("closures")
    op.drop_column("sign_ins", "agreed_version")
    op.drop_table("data_reads")
    op.drop_table("app_access")
    op.drop_table("consents")
