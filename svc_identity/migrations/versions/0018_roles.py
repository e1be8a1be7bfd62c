"""Roles hold in a division: an organisation keeps its own and its kind; all roles are announced again with theirs."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Moving an organisation would move the power of all its members; one that moves is registered anew.
_KEEP = """
CREATE FUNCTION keep_division() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.division_code, NEW.kind) IS DISTINCT FROM (OLD.division_code, OLD.kind) THEN
        RAISE EXCEPTION 'an organisation keeps its division and its kind';
    END IF;
    RETURN NEW;
END $$
"""

_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# A role older than the table of role changes has no row in it: its dates are the membership's, its proposer unknown.
_STEPS = """
    SELECT coalesce(change.id, membership.id) AS role_change_id, 'grant' AS action, membership.*,
        organisation.division_code, change.proposed_by, change.decided_by,
        coalesce(change.proposed_at, membership.created_at) AS proposed_at,
        coalesce(change.decided_at, membership.created_at) AS decided_at
    FROM memberships AS membership JOIN organisations AS organisation ON organisation.id = membership.organisation_id
    LEFT JOIN role_changes AS change
        ON change.membership_id = membership.id AND change.action = 'grant' AND change.status = 'approved'
    UNION ALL
    SELECT coalesce(change.id, membership.id), coalesce(change.action, 'removal'), membership.*,
        organisation.division_code, change.proposed_by, change.decided_by,
        coalesce(change.proposed_at, membership.ended_at), membership.ended_at
    FROM memberships AS membership JOIN organisations AS organisation ON organisation.id = membership.organisation_id
    LEFT JOIN role_changes AS change
        ON change.membership_id = membership.id AND change.action IN ('removal', 'expiry')
            AND change.status = 'approved'
    WHERE membership.ended_at IS NOT NULL
"""
ANNOUNCE = f"""
    INSERT INTO outbox (id, topic, key, payload)
    SELECT event_id, 'ili.identity.role_change.v1', role_change_id::text, convert_to(json_build_object(
        'specversion', '1.0', 'id', event_id, 'type', 'cn.ili.identity.role_change.approved.v1',
        'source', '/identity', 'subject', role_change_id, 'time', {_TIME.format("now()")},
        'datacontenttype', 'application/json', 'data', json_build_object(
            'role_change_id', role_change_id, 'action', action, 'organisation_id', organisation_id,
            'person_id', person_id, 'role', role, 'division_code', division_code,
            'membership_id', id, 'proposed_by', proposed_by,
            'proposed_at', {_TIME.format("proposed_at")}, 'decided_by', decided_by,
            'decided_at', {_TIME.format("decided_at")}
        )
    )::text, 'UTF8')
    FROM (SELECT gen_random_uuid() AS event_id, steps.* FROM ({_STEPS}) AS steps) AS events
    ORDER BY decided_at
"""  # noqa: S608 - of constants


_ROLES = ("operator", "auditor", "reviewer", "county_team", "clerk", "till_supervisor")
_ALONE = "status <> 'approved' OR decided_by IS NOT NULL OR proposed_by IS NULL OR role NOT IN ({})"


def upgrade() -> None:
    _allow((*_ROLES, "security_officer"), ("auditor", "operator", "reviewer", "security_officer", "till_supervisor"))
    op.execute(_KEEP)
    op.execute(
        "CREATE TRIGGER keep_division BEFORE UPDATE ON organisations FOR EACH ROW EXECUTE FUNCTION keep_division()"
    )
    op.get_bind().exec_driver_sql(ANNOUNCE)


def downgrade() -> None:
    _allow(_ROLES, ("auditor", "operator", "reviewer", "till_supervisor"))
    op.execute("DROP TRIGGER keep_division ON organisations")
    op.execute("DROP FUNCTION keep_division()")


def _allow(roles: tuple[str, ...], by_two: tuple[str, ...]) -> None:
    """Which roles there are, and which of them need a second person."""
    for table in ("memberships", "role_changes"):
        _check(table, "role", f"role IN ({', '.join(map(repr, roles))})")
    _check("role_changes", "decided", _ALONE.format(", ".join(map(repr, by_two))))


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
