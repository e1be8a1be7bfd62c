"""Teams, registrations, domains and filing numbers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateSequence, DropSequence

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes
from svc_miniapps.fields import key_of

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SEALED = (
    SealedTable("teams"),
    SealedTable("team_members"),
    SealedTable("app_handovers"),
    SealedTable("app_registrations", with_hashes(reason=("reason",))),
    SealedTable("app_filings", key=f"{ROW}.app_id::text"),
)
_TIME = sa.DateTime(timezone=True)
_PREFECTURE = "654000"
_TEAMS_OF_APPS = """
INSERT INTO teams (id, organisation_id, division_code, founded_by, founded_at)
SELECT uuidv7(), organisation_id, division_code, (array_agg(registered_by ORDER BY id))[1], min(created_at)
FROM apps GROUP BY organisation_id, division_code
"""
_LEADS = """
INSERT INTO team_members (id, team_id, person_id, role, added_by, added_at)
SELECT DISTINCT ON (team.id, app.registered_by)
    uuidv7(), team.id, app.registered_by, 'lead', app.registered_by, app.created_at
FROM teams AS team JOIN apps AS app USING (organisation_id, division_code) ORDER BY team.id, app.registered_by, app.id
"""
"""Whoever registered an app of the team leads it."""
_DEVELOPERS = """
INSERT INTO team_members (id, team_id, person_id, role, added_by, added_at)
SELECT DISTINCT ON (team.id, held.person_id)
    uuidv7(), team.id, held.person_id, 'developer', team.founded_by, held.granted_at
FROM teams AS team JOIN staff_roles AS held ON held.organisation_id = team.organisation_id
    AND (held.division_code = team.division_code OR held.division_code IS NULL)
WHERE held.role = 'county_team' AND held.granted_at IS NOT NULL AND held.ended_at IS NULL
ON CONFLICT DO NOTHING
"""
"""Whoever could act for it so far still can."""


def _create_teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("app_quota", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("member_quota", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("founded_by", sa.Uuid(), nullable=False),
        sa.Column("founded_at", _TIME, nullable=False),
        sa.CheckConstraint("app_quota > 0 AND member_quota > 0", name=op.f("ck_teams_quotas")),
        sa.ForeignKeyConstraint(["division_code"], ["divisions.code"], name=op.f("fk_teams_division_code_divisions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("organisation_id", "division_code", name=op.f("uq_teams_organisation_id_division_code")),
    )
    op.create_table(
        "team_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("role IN ('lead', 'developer', 'tester')", name=op.f("ck_team_members_role")),
        sa.CheckConstraint("num_nulls(ended_at, ended_by) IN (0, 2)", name=op.f("ck_team_members_ended")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_members")),
    )
    current = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_team_members_current", "team_members", ["team_id", "person_id"], unique=True, postgresql_where=current
    )
    op.create_index("ix_team_members_person_id", "team_members", ["person_id"])
    for statement in (_TEAMS_OF_APPS, _LEADS, _DEVELOPERS):
        op.execute(statement)


def _create_names() -> None:
    names = op.create_table(
        "app_names",
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_names_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_app_names_division_code_divisions")
        ),
        sa.PrimaryKeyConstraint("division_code", "key", name=op.f("pk_app_names")),
    )
    op.create_index("ix_app_names_app_id", "app_names", ["app_id"])
    op.drop_constraint("uq_apps_division_code_name_key", "apps")
    connection = op.get_bind()
    divisions = connection.scalars(sa.text("SELECT code FROM divisions ORDER BY code")).all()
    taken: set[tuple[str, str]] = set()
    for app_id, division_code, name in connection.execute(
        sa.text("SELECT id, division_code, name FROM apps ORDER BY id")
    ):
        shown = divisions if division_code == _PREFECTURE else [division_code]
        key = key_of(name)
        # Two apps that read the same by the stricter key keep their names; no third one gets it.
        if not key or any((division, key) in taken for division in shown):
            key = f"{key} {app_id}"
        taken |= {(division, key) for division in shown}
        connection.execute(
            sa.insert(names), [{"division_code": division, "key": key, "app_id": app_id} for division in shown]
        )


def _create_handovers() -> None:
    op.create_table(
        "app_handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("from_team_id", sa.Uuid(), nullable=False),
        sa.Column("to_team_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('proposed', 'accepted', 'completed', 'declined', 'withdrawn', 'rejected')",
            name=op.f("ck_app_handovers_status"),
        ),
        sa.CheckConstraint("accepted_by <> proposed_by", name=op.f("ck_app_handovers_second_person")),
        sa.CheckConstraint(
            "confirmed_by NOT IN (proposed_by, accepted_by)", name=op.f("ck_app_handovers_third_person")
        ),
        sa.CheckConstraint("from_team_id <> to_team_id", name=op.f("ck_app_handovers_teams")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_handovers_app_id_apps")),
        sa.ForeignKeyConstraint(["from_team_id"], ["teams.id"], name=op.f("fk_app_handovers_from_team_id_teams")),
        sa.ForeignKeyConstraint(["to_team_id"], ["teams.id"], name=op.f("fk_app_handovers_to_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_handovers")),
    )
    is_open = sa.text("status IN ('proposed', 'accepted')")
    op.create_index("uq_app_handovers_open", "app_handovers", ["app_id"], unique=True, postgresql_where=is_open)
    for end in ("from_team_id", "to_team_id"):
        op.create_index(f"ix_app_handovers_{end}", "app_handovers", [end, "id"])


_FILINGS_OF_APPS = """
INSERT INTO app_filings (app_id, number, filed_at)
SELECT id, 'YL' || division_code || '-' || lpad(nextval('filing_numbers')::text, 6, '0'), now()
FROM (SELECT id, division_code FROM apps ORDER BY id) AS older
"""
"""Apps of before registrations were reviewed are filed as they are, and go on uploading."""


def _create_registrations() -> None:
    op.create_table(
        "app_icons",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("side", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_icons_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", "sha256", name=op.f("pk_app_icons")),
    )
    op.create_table(
        "app_registrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("texts", postgresql.JSONB(), nullable=False),
        sa.Column("icon_sha256", sa.Text(), nullable=False),
        sa.Column("purposes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("services", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("privacy", postgresql.JSONB(), nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("candidates", postgresql.JSONB(), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("submitted_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'approved', 'rejected', 'withdrawn')", name=op.f("ck_app_registrations_status")
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (decided_by IS NULL AND decided_at IS NULL)",
            name=op.f("ck_app_registrations_decided"),
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by <> submitted_by", name=op.f("ck_app_registrations_second_person")
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_registrations_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_registrations")),
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "uq_app_registrations_waiting", "app_registrations", ["app_id"], unique=True, postgresql_where=waiting
    )
    for column in ("status", "app_id"):
        op.create_index(f"ix_app_registrations_{column}", "app_registrations", [column, "id"])
    op.execute(CreateSequence(sa.Sequence("filing_numbers")))
    op.create_table(
        "app_filings",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("filed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_filings_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_app_filings")),
        sa.UniqueConstraint("number", name=op.f("uq_app_filings_number")),
    )
    op.execute(_FILINGS_OF_APPS)


def upgrade() -> None:
    _create_teams()
    _create_names()
    _create_handovers()
    _create_registrations()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.create_unique_constraint("uq_apps_division_code_name_key", "apps", ["division_code", "name_key"])
    op.execute(DropSequence(sa.Sequence("filing_numbers")))
    for table in (
        "app_filings",
        "app_registrations",
        "app_icons",
        "app_handovers",
        "app_names",
        "team_members",
        "teams",
    ):
        op.drop_table(table)
