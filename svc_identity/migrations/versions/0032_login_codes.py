"""Codes by which the servers of mini-apps learn who has opened them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TEXTS = postgresql.ARRAY(sa.Text())
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "login_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", _TEXTS, nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("auth_time", sa.Integer(), nullable=False),
        sa.Column("acr", sa.Text(), nullable=False),
        sa.Column("amr", _TEXTS, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        *(
            sa.ForeignKeyConstraint([column], ["clients.client_id"], name=op.f(f"fk_login_codes_{column}_clients"))
            for column in ("client_id", "opened_by")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_login_codes_person_id_persons")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_login_codes")),
    )
    op.create_index("ix_login_codes_expires_at", "login_codes", ["expires_at"])
    op.create_index("ix_login_codes_person_id_client_id", "login_codes", ["person_id", "client_id"])


def downgrade() -> None:
    op.drop_table("login_codes")
