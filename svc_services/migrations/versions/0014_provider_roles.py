"""Admins act for their company, one person stops a leaked key, and companies connected before get an organisation."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ACTIONS = [
    *("suspend", "resume", "add_key", "end_key", "limit_key", "fetch_keys", "correct_endpoint"),
    "declare_customer_parameters",
]
_APPROVED = "status <> 'approved' OR decided_by IS NOT NULL OR company_key IS NOT NULL"
# svc_identity makes their organisations by it; for everybody else it is a replay of what they know.
_ANNOUNCE = """
    INSERT INTO outbox (id, topic, key, payload)
    SELECT event_id, 'ili.services.provider.v1', id::text, convert_to(json_build_object(
        'specversion', '1.0', 'id', event_id, 'type', 'cn.ili.services.provider.approved.v1',
        'source', '/services', 'subject', id,
        'time', to_char(approved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'datacontenttype', 'application/json', 'data', json_build_object(
            'provider_id', id, 'kind', kind, 'name', name, 'uscc', uscc, 'division_codes', division_codes,
            'endpoint_url', endpoint_url, 'jwks', jwks, 'customer_parameters', customer_parameters
        )
    )::text, 'UTF8')
    FROM (SELECT gen_random_uuid() AS event_id, providers.* FROM providers) AS events
    ORDER BY approved_at
"""


def upgrade() -> None:
    op.add_column("provider_changes", sa.Column("admin_id", sa.Uuid(), nullable=True))
    _check("action", _one_of([*_ACTIONS, "stop_key", "correct_contact"]))
    _check("requested", "num_nonnulls(company_key, proposed_by, admin_id) = 1")
    _check("decided", f"{_APPROVED} OR admin_id IS NOT NULL OR action IN ('suspend', 'stop_key')")
    op.create_table(
        "company_organisations",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_company_organisations")),
    )
    op.create_index("ix_company_organisations_organisation_id", "company_organisations", ["organisation_id"])
    op.get_bind().exec_driver_sql(_ANNOUNCE)


def downgrade() -> None:
    """Refused by the checks once an admin has changed something: who did it is kept."""
    op.drop_table("company_organisations")
    _check("decided", f"{_APPROVED} OR action = 'suspend'")
    _check("requested", "(company_key IS NULL) <> (proposed_by IS NULL)")
    _check("action", _one_of(_ACTIONS))
    op.drop_column("provider_changes", "admin_id")


def _one_of(actions: list[str]) -> str:
    return f"action IN ({', '.join(map(repr, actions))})"


def _check(name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_provider_changes_{name}"), "provider_changes", type_="check")
    op.create_check_constraint(op.f(f"ck_provider_changes_{name}"), "provider_changes", condition)
