"""A client may have addresses and keys: an app with a server. Events say that a mandate ends soon."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KINDS = "ck_clients_app_or_system"


def upgrade() -> None:
    op.drop_constraint(op.f(_KINDS), "clients", type_="check")
    op.create_check_constraint(op.f(_KINDS), "clients", "jwks IS NOT NULL OR redirect_uris <> '{}'")
    op.create_table(
        "mandate_reminders",
        sa.Column("mandate_id", sa.Uuid(), nullable=False),
        sa.Column("reminders", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandates.id"], name=op.f("fk_mandate_reminders_mandate_id_mandates")),
        sa.PrimaryKeyConstraint("mandate_id", name=op.f("pk_mandate_reminders")),
    )


def downgrade() -> None:
    op.drop_table("mandate_reminders")
    op.execute("UPDATE clients SET jwks = NULL, stopped = true WHERE jwks IS NOT NULL AND redirect_uris <> '{}'")
    op.drop_constraint(op.f(_KINDS), "clients", type_="check")
    op.create_check_constraint(op.f(_KINDS), "clients", "(jwks IS NULL) <> (redirect_uris = '{}')")
