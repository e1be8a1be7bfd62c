"""How the account numbers of a provider look; those of before keep ten digits by MOD 11,10."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TEN_DIGITS = (
    '{"label":{"zh":"户号","en":"Account number","kk":"تۇتىنۋشى ٴنومىرى","ug":"ئابونت نومۇرى"},'
    '"pattern":"^[0-9]{10}$","min_length":10,"max_length":10,"check_rule":"mod_11_10","example":"1234567897"}'
)


def upgrade() -> None:
    column = sa.Column("customer_parameters", postgresql.JSONB(), server_default=_TEN_DIGITS, nullable=False)
    op.add_column("providers", column)


def downgrade() -> None:
    op.drop_column("providers", "customer_parameters")
