"""Announce all roles, present and past, in events, so that the services that now keep roles know them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# A role older than the table of role changes has no row in it: its dates are the membership's, its proposer unknown.
_STEPS = """
    SELECT coalesce(change.id, membership.id) AS role_change_id, 'grant' AS action, membership.*, change.proposed_by,
        change.decided_by, coalesce(change.proposed_at, membership.created_at) AS proposed_at,
        coalesce(change.decided_at, membership.created_at) AS decided_at
    FROM memberships AS membership LEFT JOIN role_changes AS change
        ON change.membership_id = membership.id AND change.action = 'grant' AND change.status = 'approved'
    UNION ALL
    SELECT coalesce(change.id, membership.id), coalesce(change.action, 'removal'), membership.*, change.proposed_by,
        change.decided_by, coalesce(change.proposed_at, membership.ended_at), membership.ended_at
    FROM memberships AS membership LEFT JOIN role_changes AS change
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
            'person_id', person_id, 'role', role, 'membership_id', id, 'proposed_by', proposed_by,
            'proposed_at', {_TIME.format("proposed_at")}, 'decided_by', decided_by,
            'decided_at', {_TIME.format("decided_at")}
        )
    )::text, 'UTF8')
    FROM (SELECT gen_random_uuid() AS event_id, steps.* FROM ({_STEPS}) AS steps) AS events
    ORDER BY decided_at
"""  # noqa: S608 - of constants


def upgrade() -> None:
    op.get_bind().exec_driver_sql(ANNOUNCE)


def downgrade() -> None:
    """Nothing to take back: the events were true."""
