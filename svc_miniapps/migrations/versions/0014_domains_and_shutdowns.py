"""Domains with proof, complaints about apps and their orderly shutdown."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, without

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_DOMAINS = (
    SealedTable("app_domains", without("checks", "check_at", "checked_at", "confirmed_at")),
    SealedTable("package_domains", key=f"{ROW}.package_id::text"),
)
_FAILURES = (
    "'name_unknown', 'address_not_public', 'not_reached', 'no_answer', 'refused', 'other_content', 'signature_wrong', "
    "'no_keys', 'proven_by_others', 'token_expired', 'handed_over'"
)


def upgrade() -> None:
    _create_domains()
    extend_trail(_DOMAINS)


def downgrade() -> None:
    shorten_trail(_DOMAINS)
    op.drop_table("package_domains")
    op.drop_table("app_domains")


def _create_domains() -> None:
    op.create_table(
        "app_domains",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "app_id", "organisation_id")),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("registrable", sa.Text(), nullable=False),
        sa.Column("test_port", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("method", "status", "token")),
        sa.Column("token_expires_at", _TIME, nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", _TIME, nullable=False),
        sa.Column("proven_at", _TIME, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        *(sa.Column(name, _TIME, nullable=True) for name in ("check_at", "checked_at", "confirmed_at")),
        sa.CheckConstraint("method IN ('file', 'signature')", name=op.f("ck_app_domains_method")),
        sa.CheckConstraint("status IN ('waiting', 'proven', 'lost', 'removed')", name=op.f("ck_app_domains_status")),
        sa.CheckConstraint(f"failure IN ({_FAILURES})", name=op.f("ck_app_domains_failure")),
        sa.CheckConstraint("status <> 'proven' OR proven_at IS NOT NULL", name=op.f("ck_app_domains_proven")),
        sa.CheckConstraint("status <> 'lost' OR failure IS NOT NULL", name=op.f("ck_app_domains_lost")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_domains_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_domains")),
    )
    kept, proven = sa.text("status <> 'removed'"), sa.text("status = 'proven'")
    op.create_index("uq_app_domains_app_id_host", "app_domains", ["app_id", "host"], unique=True, postgresql_where=kept)
    op.create_index("ix_app_domains_registrable", "app_domains", ["registrable"], postgresql_where=proven)
    due = sa.text("check_at IS NOT NULL")
    op.create_index("ix_app_domains_check_at", "app_domains", ["check_at"], postgresql_where=due)
    op.create_table(
        "package_domains",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("hosts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_domains_package_id_packages")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_package_domains")),
    )
