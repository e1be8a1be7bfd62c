"""Domains with proof, complaints about apps and their orderly shutdown."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes, without

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_DOMAINS = (
    SealedTable("app_domains", without("checks", "check_at", "checked_at", "confirmed_at")),
    SealedTable("package_domains", key=f"{ROW}.package_id::text"),
)
_QUOTAS = (SealedTable("team_quota_changes", with_hashes(reason=("reason",))),)
_SHUTDOWNS = (SealedTable("app_shutdowns"),)
_KINDS_BEFORE = "'ordinary', 'emergency', 'team'"
_COMPLAINTS = (
    SealedTable(
        "app_complaints",
        with_hashes(
            person_id=("person_id", "salt"),
            words=("words", "salt"),
            contact=("contact", "salt"),
            answer=("answer",),
            appeal=("appeal", "salt"),
            decision=("decision",),
            salt=("salt",),
        ),
    ),
)
_QUOTAS_BEFORE = "app_quota > 0 AND member_quota > 0"
_FAILURES = (
    "'name_unknown', 'address_not_public', 'not_reached', 'no_answer', 'refused', 'other_content', 'signature_wrong', "
    "'no_keys', 'proven_by_others', 'token_expired', 'handed_over', 'app_ended'"
)


def upgrade() -> None:
    _create_domains()
    extend_trail(_DOMAINS)
    op.add_column("apps", sa.Column("ended_at", _TIME, nullable=True))
    _create_shutdowns()
    extend_trail(_SHUTDOWNS)
    _allow_kinds(f"{_KINDS_BEFORE}, 'shutdown'")
    _extend_quotas()
    _create_complaints()
    extend_trail(_COMPLAINTS)


def downgrade() -> None:
    shorten_trail(_COMPLAINTS)
    op.drop_table("app_complaints")
    op.execute(sa.schema.DropSequence(sa.Sequence("app_complaint_numbers")))
    shorten_trail(_QUOTAS)
    op.drop_table("team_quota_changes")
    op.drop_constraint(op.f("ck_teams_quotas"), "teams")
    op.drop_column("teams", "storage_quota_mb")
    op.drop_column("teams", "upload_quota")
    op.create_check_constraint(op.f("ck_teams_quotas"), "teams", _QUOTAS_BEFORE)
    _allow_kinds(_KINDS_BEFORE)
    shorten_trail(_SHUTDOWNS)
    op.drop_table("app_shutdowns")
    op.drop_column("apps", "ended_at")
    shorten_trail(_DOMAINS)
    op.drop_table("package_domains")
    op.drop_table("app_domains")


def _create_domains() -> None:
    op.create_table(
        "app_domains",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "app_id", "organisation_id")),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("registrable", sa.Text(), nullable=False),
        sa.Column("test_port", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("method", "status", "token")),
        sa.Column("token_expires_at", _TIME, nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", _TIME, nullable=False),
        sa.Column("proven_at", _TIME, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        *(sa.Column(name, _TIME, nullable=True) for name in ("check_at", "checked_at", "confirmed_at")),
        sa.CheckConstraint("method IN ('file', 'signature')", name=op.f("ck_app_domains_method")),
        sa.CheckConstraint("status IN ('waiting', 'proven', 'lost', 'removed')", name=op.f("ck_app_domains_status")),
        sa.CheckConstraint(f"failure IN ({_FAILURES})", name=op.f("ck_app_domains_failure")),
        sa.CheckConstraint("status <> 'proven' OR proven_at IS NOT NULL", name=op.f("ck_app_domains_proven")),
        sa.CheckConstraint("status <> 'lost' OR failure IS NOT NULL", name=op.f("ck_app_domains_lost")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_domains_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_domains")),
    )
    kept, proven = sa.text("status <> 'removed'"), sa.text("status = 'proven'")
    op.create_index("uq_app_domains_app_id_host", "app_domains", ["app_id", "host"], unique=True, postgresql_where=kept)
    op.create_index("ix_app_domains_registrable", "app_domains", ["registrable"], postgresql_where=proven)
    due = sa.text("check_at IS NOT NULL")
    op.create_index("ix_app_domains_check_at", "app_domains", ["check_at"], postgresql_where=due)
    op.create_table(
        "package_domains",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("hosts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_domains_package_id_packages")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_package_domains")),
    )


def _create_shutdowns() -> None:
    op.create_table(
        "app_shutdowns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("texts", postgresql.JSONB(), nullable=False),
        sa.Column("redirect_app_id", sa.Uuid(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in ("confirmed_by", "withdrawn_by")),
        *(sa.Column(name, _TIME, nullable=True) for name in ("confirmed_at", "ended_at")),
        sa.CheckConstraint(
            "status IN ('proposed', 'announced', 'withdrawn', 'ended')", name=op.f("ck_app_shutdowns_status")
        ),
        sa.CheckConstraint("confirmed_by <> proposed_by", name=op.f("ck_app_shutdowns_second_person")),
        sa.CheckConstraint(
            "status NOT IN ('announced', 'ended') OR confirmed_by IS NOT NULL", name=op.f("ck_app_shutdowns_confirmed")
        ),
        sa.CheckConstraint("redirect_app_id <> app_id", name=op.f("ck_app_shutdowns_redirect")),
        *(
            sa.ForeignKeyConstraint([name], ["apps.id"], name=op.f(f"fk_app_shutdowns_{name}_apps"))
            for name in ("app_id", "redirect_app_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_shutdowns")),
    )
    is_open = sa.text("status IN ('proposed', 'announced', 'ended')")
    op.create_index("uq_app_shutdowns_app_id_open", "app_shutdowns", ["app_id"], unique=True, postgresql_where=is_open)
    op.create_index("ix_app_shutdowns_app_id", "app_shutdowns", ["app_id", "id"])
    announced = sa.text("status = 'announced'")
    op.create_index("ix_app_shutdowns_last_day", "app_shutdowns", ["last_day"], postgresql_where=announced)


def _allow_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_take_downs_kind"), "take_downs")
    op.create_check_constraint(op.f("ck_take_downs_kind"), "take_downs", f"kind IN ({kinds})")


def _extend_quotas() -> None:
    op.add_column("teams", sa.Column("upload_quota", sa.Integer(), server_default=sa.text("50"), nullable=False))
    op.add_column("teams", sa.Column("storage_quota_mb", sa.Integer(), server_default=sa.text("2000"), nullable=False))
    op.drop_constraint(op.f("ck_teams_quotas"), "teams")
    positive = f"{_QUOTAS_BEFORE} AND upload_quota > 0 AND storage_quota_mb > 0"
    op.create_check_constraint(op.f("ck_teams_quotas"), "teams", positive)
    quotas = ("app_quota", "member_quota", "upload_quota", "storage_quota_mb")
    op.create_table(
        "team_quota_changes",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "team_id")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in quotas),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "status")),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name=op.f("ck_team_quota_changes_status")),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_team_quota_changes_second_person")),
        sa.CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name=op.f("ck_team_quota_changes_decided")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_quota_changes_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_quota_changes")),
    )
    proposed = sa.text("status = 'proposed'")
    op.create_index(
        "uq_team_quota_changes_proposed", "team_quota_changes", ["team_id"], unique=True, postgresql_where=proposed
    )
    op.create_index("ix_team_quota_changes_status", "team_quota_changes", ["status", "id"])
    extend_trail(_QUOTAS)


def _create_complaints() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("app_complaint_numbers")))
    texts = ("words", "contact", "salt", "answer", "appeal", "decision")
    times = ("escalated_at", "answered_at", "appealed_at", "decided_at")
    op.create_table(
        "app_complaints",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "app_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("number", "kind", "status")),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in ("person_id", "answered_by", "decided_by")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in texts),
        sa.Column("contact_shared", sa.Boolean(), nullable=False),
        sa.Column("filed_at", _TIME, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        *(sa.Column(name, _TIME, nullable=True) for name in times),
        sa.CheckConstraint(
            "kind IN ('fault', 'content', 'privacy', 'commerce', 'other')", name=op.f("ck_app_complaints_kind")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'escalated', 'answered', 'appealed', 'decided')", name=op.f("ck_app_complaints_status")
        ),
        sa.CheckConstraint(
            "NOT contact_shared OR contact IS NOT NULL OR words IS NULL", name=op.f("ck_app_complaints_contact")
        ),
        sa.CheckConstraint(
            "decided_by <> person_id AND answered_by <> person_id", name=op.f("ck_app_complaints_second_person")
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_complaints_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_complaints")),
        sa.UniqueConstraint("number", name=op.f("uq_app_complaints_number")),
    )
    is_open = sa.text("status IN ('open', 'escalated', 'appealed')")
    one = ["app_id", "person_id"]
    op.create_index("uq_app_complaints_open", "app_complaints", one, unique=True, postgresql_where=is_open)
    op.create_index("ix_app_complaints_app_id", "app_complaints", ["app_id", "id"])
    op.create_index("ix_app_complaints_person_id", "app_complaints", ["person_id", "id"])
    op.create_index(
        "ix_app_complaints_due_on", "app_complaints", ["due_on"], postgresql_where=sa.text("status = 'open'")
    )
