"""Companies that are connected as providers have an organisation, and in it admins and operators."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("company_providers", key=f"{ROW}.provider_id::text"),)
_KINDS = ("platform", "county_team", "review_body")
_ROLES = ("operator", "auditor", "reviewer", "county_team", "clerk", "till_supervisor", "security_officer")
_BY_TWO = ("auditor", "operator", "reviewer", "security_officer", "till_supervisor")
_ALONE = "status <> 'approved' OR decided_by IS NOT NULL OR proposed_by IS NULL OR role NOT IN ({})"


def upgrade() -> None:
    _allow(
        (*_KINDS, "provider"),
        (*_ROLES, "provider_admin", "provider_operator"),
        sorted((*_BY_TWO, "provider_admin", "provider_operator")),
    )
    op.create_table(
        "company_providers",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("division_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_company_providers_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_company_providers")),
    )
    op.create_index("ix_company_providers_organisation_id", "company_providers", ["organisation_id"])
    extend_trail(_SEALED)


def downgrade() -> None:
    """Refused by the checks once a company has an organisation: what was decided about its roles is kept."""
    shorten_trail(_SEALED)
    op.drop_table("company_providers")
    _allow(_KINDS, _ROLES, _BY_TWO)


def _allow(kinds: tuple[str, ...], roles: tuple[str, ...], by_two: tuple[str, ...] | list[str]) -> None:
    _check("organisations", "kind", f"kind IN ({', '.join(map(repr, kinds))})")
    for table in ("memberships", "role_changes"):
        _check(table, "role", f"role IN ({', '.join(map(repr, roles))})")
    _check("role_changes", "decided", _ALONE.format(", ".join(map(repr, by_two))))


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
