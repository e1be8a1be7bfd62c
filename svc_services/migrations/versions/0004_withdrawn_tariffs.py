"""A tariff can be withdrawn or replaced before its day."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DATE = ["provider_id", "customer_class", "unit", "effective_from"]


def upgrade() -> None:
    op.add_column("tariffs", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tariffs", sa.Column("replaced_by", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_tariffs_replaced_by_tariffs", "tariffs", "tariffs", ["replaced_by"], ["id"])
    op.drop_constraint("uq_tariffs_date", "tariffs")
    op.create_index("uq_tariffs_date", "tariffs", _DATE, unique=True, postgresql_where=sa.text("withdrawn_at IS NULL"))


def downgrade() -> None:
    op.drop_index("uq_tariffs_date", "tariffs")
    op.create_unique_constraint("uq_tariffs_date", "tariffs", _DATE)
    op.drop_constraint("fk_tariffs_replaced_by_tariffs", "tariffs")
    op.drop_column("tariffs", "replaced_by")
    op.drop_column("tariffs", "withdrawn_at")
