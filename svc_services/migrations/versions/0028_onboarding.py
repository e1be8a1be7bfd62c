"""Fields of provider applications, their corrections, and bills for sandboxes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_APPLICATIONS, _RUNS, _CORRECTIONS = "provider_applications", "conformance_runs", "application_corrections"
_SEALED = (SealedTable(_CORRECTIONS),)


def upgrade() -> None:
    op.add_column(_APPLICATIONS, sa.Column("jwks_uri", sa.Text(), nullable=True))
    op.add_column(_APPLICATIONS, sa.Column("contract", JSONB(), nullable=True))
    op.add_column(_APPLICATIONS, sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column(_APPLICATIONS, sa.Column("stated_terms", JSONB(), nullable=True))
    op.add_column(_APPLICATIONS, _revision("revision"))
    op.add_column(_RUNS, _revision("application_revision"))
    op.add_column(_RUNS, sa.Column("stated_terms", JSONB(), nullable=True))
    op.add_column("provider_endorsements", _revision("application_revision"))
    for table in (_RUNS, "sandboxes"):
        op.add_column(table, sa.Column("bills", JSONB(), server_default="[]", nullable=False))
    op.create_table(
        _CORRECTIONS,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fields", ARRAY(sa.Text()), nullable=False),
        sa.Column("before", JSONB(), nullable=False),
        sa.Column("corrected_by", sa.Uuid(), nullable=True),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["provider_applications.id"],
            name=op.f("fk_application_corrections_application_id_provider_applications"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_corrections")),
        sa.UniqueConstraint(
            "application_id", "revision", name=op.f("uq_application_corrections_application_id_revision")
        ),
    )
    extend_trail(_SEALED)


def _revision(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default="1", nullable=False)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table(_CORRECTIONS)
    for table in ("sandboxes", _RUNS):
        op.drop_column(table, "bills")
    op.drop_column("provider_endorsements", "application_revision")
    for column in ("stated_terms", "application_revision"):
        op.drop_column(_RUNS, column)
    for column in ("revision", "stated_terms", "requests_per_minute", "contract", "jwks_uri"):
        op.drop_column(_APPLICATIONS, column)
