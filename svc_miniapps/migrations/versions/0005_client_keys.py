"""Mini-apps become OAuth clients: what their teams requested, and what was approved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SEALED = (
    SealedTable("client_requests", with_hashes(reason=("reason",))),
    SealedTable("app_clients", with_hashes(suspension_reason=("suspension_reason",)), key=f"{ROW}.app_id::text"),
)
_TIME = sa.DateTime(timezone=True)


def _rights() -> list[sa.Column[list[str]]]:
    return [sa.Column(name, postgresql.ARRAY(sa.Text()), nullable=False) for name in ("redirect_uris", "scopes")]


def upgrade() -> None:
    op.create_table(
        "client_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        *_rights(),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("client_revision", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'approved', 'rejected', 'withdrawn')", name=op.f("ck_client_requests_status")
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (decided_by IS NULL AND decided_at IS NULL)",
            name=op.f("ck_client_requests_decided"),
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by <> requested_by", name=op.f("ck_client_requests_second_person")
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_client_requests_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_requests")),
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index("uq_client_requests_waiting", "client_requests", ["app_id"], unique=True, postgresql_where=waiting)
    op.create_index("ix_client_requests_status", "client_requests", ["status", "id"])
    op.create_index("ix_client_requests_app_id", "client_requests", ["app_id", "id"])
    op.create_table(
        "app_clients",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        *_rights(),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("suspended_at", _TIME, nullable=True),
        sa.Column("suspended_by", sa.Uuid(), nullable=True),
        sa.Column("suspension_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(suspended_at, suspended_by, suspension_reason) IN (0, 3)", name=op.f("ck_app_clients_suspended")
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_clients_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_app_clients")),
    )
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("app_clients", "client_requests"):
        op.drop_table(table)
