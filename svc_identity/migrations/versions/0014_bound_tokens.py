"""Tokens bound to keys, devices that sign in elsewhere."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("clients", sa.Column("dpop_required", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("authorization_codes", sa.Column("dpop_jkt", sa.Text))
    op.add_column("token_families", sa.Column("proof_key", sa.Text))
    op.add_column("clients", sa.Column("subject_type", sa.Text, nullable=False, server_default="public"))
    op.create_check_constraint(op.f("ck_clients_subject_type"), "clients", "subject_type IN ('public', 'pairwise')")
    op.add_column("clients", sa.Column("device_grant", sa.Boolean, nullable=False, server_default=sa.false()))
    _create_devices()
    _create_wrong_codes()


def _create_devices() -> None:
    op.create_table(
        "device_authorizations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("device_hash", sa.LargeBinary, nullable=False),
        sa.Column("user_code_index", sa.LargeBinary, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("poll_seconds", sa.SmallInteger, nullable=False),
        sa.Column("polled_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME),
        sa.Column("signed_in_at", _TIME),
        sa.Column("approved", sa.Boolean),
        sa.Column("person_id", sa.Uuid),
        sa.CheckConstraint("(decided_at IS NULL) = (approved IS NULL)", name=op.f("ck_device_authorizations_decided")),
        sa.CheckConstraint(
            "approved IS NOT TRUE OR person_id IS NOT NULL", name=op.f("ck_device_authorizations_approved_by_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_device_authorizations_client_id_clients")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_device_authorizations_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_authorizations")),
        sa.UniqueConstraint("device_hash", name=op.f("uq_device_authorizations_device_hash")),
        sa.UniqueConstraint("user_code_index", name=op.f("uq_device_authorizations_user_code_index")),
    )
    op.create_index(op.f("ix_device_authorizations_expires_at"), "device_authorizations", ["expires_at"])


def _create_wrong_codes() -> None:
    op.create_table(
        "wrong_user_codes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False),
        sa.Column("typed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrong_user_codes")),
    )
    op.create_index(op.f("ix_wrong_user_codes_typed_at"), "wrong_user_codes", ["typed_at"])
    op.create_index("ix_wrong_user_codes_source_typed_at", "wrong_user_codes", ["source", "typed_at"])


def downgrade() -> None:
    op.drop_table("wrong_user_codes")
    op.drop_table("device_authorizations")
    op.drop_column("clients", "device_grant")
    op.drop_column("clients", "subject_type")
    op.drop_column("token_families", "proof_key")
    op.drop_column("authorization_codes", "dpop_jkt")
    op.drop_column("clients", "dpop_required")
