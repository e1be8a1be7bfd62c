"""Claims on ID numbers that another person has proved; closed ones cannot be edited."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_CLAIM = with_hashes(
    name=("name",),
    id_number=("id_number",),
    id_number_index=("id_number", "id_number_index"),
    reason=("reason",),
    return_reason=("return_reason",),
)
_SEALED = (SealedTable("identity_claims", _CLAIM),)
_PURPOSES = ("own_profile", "user_info", "attestation", "member_list")
_LIVE = "status IN ('open', 'reviewed')"
_REVIEW = "verdict, reason, organisation_id, reviewed_by, reviewed_at"
_PERSONS = ("claimant_id", "holder_id", "reviewed_by", "returned_by", "decided_by")
_CHECKS = {
    "status": "status IN ('open', 'reviewed', 'decided', 'withdrawn', 'expired')",
    "verdict": "verdict IN ('upheld', 'rejected')",
    "second_person": "decided_by <> reviewed_by",
    "two_persons": "claimant_id <> holder_id",
    "review_whole": f"num_nulls({_REVIEW}) IN (0, 5)",
    "reviewed": f"status NOT IN ('reviewed', 'decided') OR num_nulls({_REVIEW}) = 0",
    "decided": "(status = 'decided') = (decided_by IS NOT NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
    "erased": f"num_nulls(name, id_number, id_number_index) = CASE WHEN {_LIVE} THEN 0 ELSE 3 END",
}
_KEPT = """
CREATE FUNCTION keep_closed_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status NOT IN ('open', 'reviewed') THEN
        RAISE EXCEPTION '% keeps what is closed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "identity_claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("claimant_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("name", "id_number", "id_number_index")),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("returned_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_identity_claims_{name}")) for name, rule in _CHECKS.items()),
        *(
            sa.ForeignKeyConstraint([each], ["persons.id"], op.f(f"fk_identity_claims_{each}_persons"))
            for each in _PERSONS
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_identity_claims_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_claims")),
        sa.UniqueConstraint("number", name=op.f("uq_identity_claims_number")),
    )
    live = sa.text(_LIVE)
    op.create_index("uq_identity_claims_live", "identity_claims", ["claimant_id"], unique=True, postgresql_where=live)
    op.create_index("ix_identity_claims_claimant_id_id", "identity_claims", ["claimant_id", "id"])
    op.create_index("ix_identity_claims_opened_at", "identity_claims", ["opened_at"], postgresql_where=live)
    op.execute(_KEPT)
    op.execute(
        "CREATE TRIGGER keep_closed_claims BEFORE UPDATE OR DELETE ON identity_claims "
        "FOR EACH ROW EXECUTE FUNCTION keep_closed_claims()"
    )
    extend_trail(_SEALED)
    _allow(*_PURPOSES, "identity_claim")


def downgrade() -> None:
    # Reads for this purpose are kept for ever, so an older release finds a value that it does not know.
    op.drop_constraint(op.f("ck_personal_data_reads_purpose"), "personal_data_reads")
    name = op.f("ck_personal_data_reads_purpose")
    purposes = ", ".join(map(repr, _PURPOSES))
    op.execute(f"ALTER TABLE personal_data_reads ADD CONSTRAINT {name} CHECK (purpose IN ({purposes})) NOT VALID")
    shorten_trail(_SEALED)
    op.drop_table("identity_claims")
    op.execute("DROP FUNCTION keep_closed_claims()")


def _allow(*purposes: str) -> None:
    name = op.f("ck_personal_data_reads_purpose")
    op.drop_constraint(name, "personal_data_reads")
    op.create_check_constraint(name, "personal_data_reads", f"purpose IN ({', '.join(map(repr, purposes))})")
