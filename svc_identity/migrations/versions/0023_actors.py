"""A client may have addresses and keys: an app with a server."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KINDS = "ck_clients_app_or_system"


def upgrade() -> None:
    op.drop_constraint(op.f(_KINDS), "clients", type_="check")
    op.create_check_constraint(op.f(_KINDS), "clients", "jwks IS NOT NULL OR redirect_uris <> '{}'")


def downgrade() -> None:
    op.execute("UPDATE clients SET jwks = NULL, stopped = true WHERE jwks IS NOT NULL AND redirect_uris <> '{}'")
    op.drop_constraint(op.f(_KINDS), "clients", type_="check")
    op.create_check_constraint(op.f(_KINDS), "clients", "(jwks IS NULL) <> (redirect_uris = '{}')")
