"""A question stands before codes beyond a limit; a passkey can be the first step."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_challenges")),
    )
    op.create_index(op.f("ix_used_challenges_expires_at"), "used_challenges", ["expires_at"])
    op.add_column("sent_codes", sa.Column("proof", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_sent_codes_proof"), "sent_codes", "proof IN ('work', 'words')")
    op.add_column("sign_ins", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.create_index("ix_sign_ins_guessed", "sign_ins", ["code_expires_at"], postgresql_where=sa.text("guesses > 0"))


def downgrade() -> None:
    op.drop_index("ix_sign_ins_guessed", "sign_ins")
    op.drop_column("sign_ins", "person_id")
    op.drop_column("sent_codes", "proof")
    op.drop_table("used_challenges")
