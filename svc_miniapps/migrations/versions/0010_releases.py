"""Gray releases, differences, take-downs and appeals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OF_APP = f"{ROW}.app_id::text"
_CHANGED_BEFORE = (
    SealedTable("releases"),
    SealedTable("reviews", with_hashes(reasons=("reasons",))),
    SealedTable("listings", key=_OF_APP),
)
_CHANGED = (
    SealedTable("releases"),
    SealedTable("reviews", with_hashes(reasons=("reasons",), checklist=("checklist",))),
    SealedTable("listings", key=_OF_APP),
)
_NEW = (
    SealedTable("gray_listings", key=_OF_APP),
    SealedTable("take_downs", with_hashes(reason=("reason",), appeal=("appeal",))),
)
_STATUSES_BEFORE = "'draft', 'submitted', 'approved', 'rejected', 'published'"
_STATUSES = f"{_STATUSES_BEFORE}, 'gray', 'withdrawn', 'superseded'"
# Releases that residents no longer have; until now they stayed `published`.
_SUPERSEDE = """
UPDATE releases SET status = 'superseded', revision = revision + 1
WHERE status = 'published' AND id NOT IN (SELECT release_id FROM listings)
"""
_APPROVED = """
UPDATE reviews SET approved_sha256 = packages.sha256
FROM releases JOIN packages ON packages.id = releases.package_id
WHERE releases.id = reviews.release_id AND reviews.outcome = 'approved'
"""
_NO_NEW_STATUS = """
UPDATE releases SET status = CASE status WHEN 'superseded' THEN 'published' ELSE 'draft' END
WHERE status IN ('gray', 'withdrawn', 'superseded')
"""


def upgrade() -> None:
    shorten_trail(_CHANGED_BEFORE)
    _allow_statuses(_STATUSES, "'submitted', 'approved', 'gray'")
    op.execute(_SUPERSEDE)
    op.add_column("listings", sa.Column("hidden_at", _TIME, nullable=True))
    _add_to_reviews()
    op.execute(_APPROVED)
    extend_trail(_CHANGED)
    _create_testers()
    _create_gray_listings()
    _create_take_downs()
    extend_trail(_NEW)


def downgrade() -> None:
    shorten_trail(_NEW)
    for table in ("take_downs", "gray_listings", "trials", "testers", "calendar_days"):
        op.drop_table(table)
    shorten_trail(_CHANGED)
    for column in ("approved_sha256", "checklist", "claimed_until", "claimed_by", "yellow_at"):
        op.drop_column("reviews", column)
    op.drop_column("listings", "hidden_at")
    op.execute(_NO_NEW_STATUS)
    _allow_statuses(_STATUSES_BEFORE, "'submitted', 'approved'")
    extend_trail(_CHANGED_BEFORE)


def _allow_statuses(statuses: str, open_ones: str) -> None:
    op.drop_constraint(op.f("ck_releases_status"), "releases")
    op.create_check_constraint(op.f("ck_releases_status"), "releases", f"status IN ({statuses})")
    op.drop_index("uq_releases_app_id_open", "releases")
    where = sa.text(f"status IN ({open_ones})")
    op.create_index("uq_releases_app_id_open", "releases", ["app_id"], unique=True, postgresql_where=where)


def _add_to_reviews() -> None:
    op.add_column("reviews", sa.Column("yellow_at", _TIME, nullable=True))
    op.add_column("reviews", sa.Column("claimed_by", sa.Uuid(), nullable=True))
    op.add_column("reviews", sa.Column("claimed_until", _TIME, nullable=True))
    op.add_column("reviews", sa.Column("checklist", postgresql.JSONB(), server_default="[]", nullable=False))
    op.alter_column("reviews", "checklist", server_default=None)
    op.add_column("reviews", sa.Column("approved_sha256", sa.Text(), nullable=True))


def _create_testers() -> None:
    op.create_table(
        "testers",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("named_by", sa.Uuid(), nullable=False),
        sa.Column("named_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_testers_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", "person_id", name=op.f("pk_testers")),
    )
    op.create_index("ix_testers_person_id", "testers", ["person_id"])
    op.create_table(
        "trials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("opened_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_trials_release_id_releases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint("release_id", "person_id", name=op.f("uq_trials_release_id_person_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_trials_token_hash")),
    )
    op.create_index("ix_trials_person_id", "trials", ["person_id"])
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )


def _create_gray_listings() -> None:
    texts = ("division_code", "category", "name", "short_description")
    op.create_table(
        "gray_listings",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("app_id", "release_id", "package_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("first_division_code", sa.Text(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("stage IN ('testers', 'division', 'percentage')", name=op.f("ck_gray_listings_stage")),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_gray_listings_percent")),
        sa.CheckConstraint("(stage = 'percentage') = (percent > 0)", name=op.f("ck_gray_listings_percentage")),
        sa.CheckConstraint(
            "stage <> 'division' OR first_division_code IS NOT NULL", name=op.f("ck_gray_listings_division")
        ),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_gray_listings_{column}_{target.split('.')[0]}"))
            for column, target in (
                ("app_id", "apps.id"),
                ("release_id", "releases.id"),
                ("package_id", "packages.id"),
                ("division_code", "divisions.code"),
                ("category", "categories.code"),
                ("first_division_code", "divisions.code"),
            )
        ),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_gray_listings")),
    )
    running = sa.text("ended_at IS NULL")
    op.create_index("ix_gray_listings_ends_at", "gray_listings", ["ends_at"], postgresql_where=running)


def _create_take_downs() -> None:
    persons = ("confirmed_by", "appealed_by", "restore_proposed_by", "restored_by")
    times = ("confirm_by", "confirmed_at", "appealed_at", "restore_proposed_at", "restored_at")
    op.create_table(
        "take_downs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in persons),
        *(sa.Column(name, _TIME, nullable=True) for name in times),
        sa.Column("appeal", sa.Text(), nullable=True),
        sa.Column("suspended_client", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('ordinary', 'emergency', 'team')", name=op.f("ck_take_downs_kind")),
        sa.CheckConstraint(
            "status IN ('proposed', 'emergency', 'in_force', 'rejected', 'lapsed', 'restored')",
            name=op.f("ck_take_downs_status"),
        ),
        sa.CheckConstraint("confirmed_by <> proposed_by", name=op.f("ck_take_downs_second_person")),
        sa.CheckConstraint(
            "kind = 'team' OR restored_by <> restore_proposed_by", name=op.f("ck_take_downs_second_person_restores")
        ),
        sa.CheckConstraint(
            "kind = 'team' OR status NOT IN ('in_force', 'restored') OR confirmed_by IS NOT NULL",
            name=op.f("ck_take_downs_confirmed"),
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_take_downs_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_take_downs")),
    )
    op.create_index("ix_take_downs_app_id", "take_downs", ["app_id", "id"])
    is_open = sa.text("status IN ('proposed', 'emergency', 'in_force')")
    op.create_index(
        "uq_take_downs_app_id_open", "take_downs", ["app_id", "kind"], unique=True, postgresql_where=is_open
    )
    op.create_index(
        "ix_take_downs_confirm_by", "take_downs", ["confirm_by"], postgresql_where=sa.text("status = 'emergency'")
    )
