"""A lost identity ends representation, and the person is told."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.alter_column("represented_organisations", "representative_id", existing_type=sa.Uuid(), nullable=True)
    op.create_table(
        "identity_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("what IN ('identity_lost')", name=op.f("ck_identity_notices_what")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_identity_notices_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_notices")),
    )
    op.create_index("ix_identity_notices_try_at", "identity_notices", ["try_at"])


def downgrade() -> None:
    op.drop_table("identity_notices")
    # Whom the registry named last: an organisation of the release before always has a representative.
    op.execute(
        "UPDATE represented_organisations SET representative_id = (SELECT person_id FROM representation_checks AS made "
        "WHERE made.uscc = represented_organisations.uscc AND made.outcome = 'match' ORDER BY made.id DESC LIMIT 1) "
        "WHERE representative_id IS NULL"
    )
    op.alter_column("represented_organisations", "representative_id", existing_type=sa.Uuid(), nullable=False)
