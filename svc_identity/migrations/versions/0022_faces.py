"""Faces and network identity certificates verify people for level 3."""

import re

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, without

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SEALED = (SealedTable("verifications", without("id_number_index", "network_index", "session_id")),)
_METHODS = ("face", "network_certificate")
_REASONS = (
    *("other_person", "not_alive", "declined", "other_request"),
    *("code_refused", "identity_changed", "unavailable"),
)
_CHECKS = {
    "method": f"method IN {_METHODS}",
    "status": "status IN ('begun', 'passed', 'failed', 'expired')",
    "reason": f"reason IN {_REASONS}",
    "finished": "(status = 'begun') = (finished_at IS NULL)",
    "reason_of_failed": "(status = 'failed') = (reason IS NOT NULL)",
    "valid_when_passed": "valid_until IS NULL OR status = 'passed'",
}
_NEW_VALUES = (
    ("identity_claims", "status", ("verified",)),
    ("personal_data_reads", "purpose", ("verification",)),
    ("consents", "activity", ("face_verification", "network_certificate")),
)
_IN_FORCE = sa.text("valid_until IS NOT NULL AND ended_at IS NULL")
# Whoever has a phone is not for ever who had it: level 3 ends with the number, whatever changes it.
_ENDS_WITH_PHONE = """
CREATE FUNCTION end_verification_with_phone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.assurance_level = 3 THEN
        NEW.assurance_level := 2;
        NEW.verified_until := NULL;
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.add_column("persons", sa.Column("verified_until", _TIME, nullable=True))
    op.create_check_constraint(
        op.f("ck_persons_verified_whole"), "persons", "(assurance_level = 3) = (verified_until IS NOT NULL)"
    )
    op.execute(_ENDS_WITH_PHONE)
    op.execute(
        "CREATE TRIGGER end_verification_with_phone BEFORE UPDATE ON persons FOR EACH ROW "
        "WHEN (OLD.phone_index IS DISTINCT FROM NEW.phone_index) EXECUTE FUNCTION end_verification_with_phone()"
    )
    _create_verifications()
    op.add_column("sign_ins", sa.Column("verifying_at", _TIME, nullable=True))
    op.add_column("sign_ins", sa.Column("verification_id", sa.Uuid(), nullable=True))
    for table, column, values in _NEW_VALUES:
        _allow(table, column, [*_allowed(table, column), *values])
    extend_trail(_SEALED)


def _create_verifications() -> None:
    times = ("finished_at", "valid_until", "ended_at")
    op.create_table(
        "verifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("method", "status", "client_id")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("reason", "session_id")),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("id_number_index", "network_index")),
        *(sa.Column(name, _TIME, nullable=False) for name in ("begun_at", "expires_at")),
        *(sa.Column(name, _TIME, nullable=True) for name in times),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_verifications_{name}")) for name, rule in _CHECKS.items()),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_verifications_person_id_persons")),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["identity_claims.id"], name=op.f("fk_verifications_claim_id_identity_claims")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_index("ix_verifications_person_id_begun_at", "verifications", ["person_id", "begun_at"])
    begun = sa.text("status = 'begun'")
    op.create_index("ix_verifications_begun", "verifications", ["expires_at"], postgresql_where=begun)
    in_force = ["person_id"]
    op.create_index("uq_verifications_in_force", "verifications", in_force, unique=True, postgresql_where=_IN_FORCE)


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table, column, values in _NEW_VALUES:
        # Rows are kept for ever, so an older release finds values that it does not know.
        _allow(table, column, [each for each in _allowed(table, column) if each not in values], " NOT VALID")
    op.drop_column("sign_ins", "verification_id")
    op.drop_column("sign_ins", "verifying_at")
    op.drop_table("verifications")
    op.execute("DROP TRIGGER end_verification_with_phone ON persons")
    op.execute("DROP FUNCTION end_verification_with_phone()")
    op.execute("UPDATE persons SET assurance_level = 2, verified_until = NULL WHERE assurance_level = 3")
    op.drop_constraint(op.f("ck_persons_verified_whole"), "persons")
    op.drop_column("persons", "verified_until")


def _allowed(table: str, column: str) -> list[str]:
    """What the CHECK of a column allows now."""
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    stated = op.get_bind().scalar(query, {"name": f"ck_{table}_{column}"})
    return re.findall(r"'(\w+)'", str(stated))


def _allow(table: str, column: str, values: list[str], valid: str = "") -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table)
    allowed = ", ".join(map(repr, values))
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({allowed})){valid}")
