"""Recently used apps, ratings, figures, recommended lists and webhooks."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Kind = type[sa.types.TypeEngine[Any]] | sa.types.TypeEngine[Any]

_TIME = sa.DateTime(timezone=True)
_SEALED = (
    SealedTable(
        "app_ratings",
        with_hashes(words=("words", "salt"), person_id=("person_id", "salt"), hidden_reason=("hidden_reason",)),
    ),
    SealedTable("app_rating_replies", with_hashes(words=("words",))),
    SealedTable("recommended_lists", with_hashes(reason=("reason",))),
)


def upgrade() -> None:
    _create_recent_apps()
    _create_figures()
    _create_ratings()
    _create_recommended()
    _create_webhooks()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in (
        *("webhook_attempts", "webhook_deliveries", "team_webhooks", "recommended_lists"),
        *("app_grades", "app_rating_reports", "app_rating_replies", "app_ratings"),
        *("app_errors", "app_figures", "openings", "day_keys", "recent_choices", "recent_apps"),
    ):
        op.drop_table(table)


def _to(table: str, column: str, target: str = "apps.id", ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target.partition('.')[0]}")
    return sa.ForeignKeyConstraint([column], [target], name=name, ondelete=ondelete)


def _required(kind: Kind, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: Kind, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=True) for name in names]


def _zero(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in names]


def _create_recent_apps() -> None:
    op.create_table(
        "recent_apps",
        *_required(sa.Uuid(), "person_id", "app_id"),
        *_required(_TIME, "opened_at"),
        _to("recent_apps", "app_id"),
        sa.PrimaryKeyConstraint("person_id", "app_id", name=op.f("pk_recent_apps")),
    )
    op.create_index(op.f("ix_recent_apps_opened_at"), "recent_apps", ["opened_at"])
    op.create_table(
        "recent_choices",
        *_required(sa.Uuid(), "person_id"),
        *_required(_TIME, "off_since"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_recent_choices")),
    )


def _create_figures() -> None:
    op.create_table(
        "day_keys",
        *_required(sa.Date(), "day"),
        *_required(sa.LargeBinary(), "key"),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_day_keys")),
    )
    op.create_table(
        "openings",
        *_required(sa.Date(), "day"),
        *_required(sa.Uuid(), "app_id"),
        *_required(sa.Integer(), "version_code"),
        *_required(sa.LargeBinary(), "digest"),
        *_required(sa.Text(), "division_code"),
        *_zero("opens", "errors"),
        *_optional(sa.Uuid(), "last_opening_id"),
        sa.CheckConstraint("opens >= 0 AND errors >= 0", name=op.f("ck_openings_counts")),
        _to("openings", "app_id"),
        _to("openings", "division_code", "divisions.code"),
        sa.PrimaryKeyConstraint("day", "app_id", "version_code", "digest", name=op.f("pk_openings")),
    )
    op.create_table(
        "app_figures",
        *_required(sa.Uuid(), "id", "app_id"),
        *_required(sa.Date(), "day"),
        *_required(sa.Integer(), "version_code"),
        *_zero("opens", "errors"),
        *_required(JSONB(), "people"),
        _to("app_figures", "app_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_figures")),
        sa.UniqueConstraint("app_id", "day", "version_code", name=op.f("uq_app_figures_app_id_day_version_code")),
    )
    op.create_index("ix_app_figures_app_id", "app_figures", ["app_id", "id"])
    op.create_table(
        "app_errors",
        *_required(sa.Uuid(), "id", "app_id"),
        *_required(sa.Date(), "day"),
        *_required(sa.Integer(), "version_code"),
        *_required(sa.Text(), "page", "code"),
        *_zero("reports"),
        _to("app_errors", "app_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_errors")),
        sa.UniqueConstraint(
            "app_id",
            "day",
            "version_code",
            "page",
            "code",
            name=op.f("uq_app_errors_app_id_day_version_code_page_code"),
        ),
    )
    op.create_index("ix_app_errors_app_id", "app_errors", ["app_id", "id"])
    op.create_index(op.f("ix_app_errors_day"), "app_errors", ["day"])


def _create_ratings() -> None:
    op.create_table(
        "app_ratings",
        *_required(sa.Uuid(), "id", "app_id"),
        *_optional(sa.Uuid(), "person_id"),
        *_required(sa.Integer(), "version_code", "grade"),
        *_optional(sa.Text(), "words"),
        *_optional(sa.Uuid(), "salt"),
        *_required(_TIME, "rated_at", "changed_at"),
        *_optional(_TIME, "withdrawn_at", "hidden_at"),
        *_optional(sa.Uuid(), "hidden_by"),
        *_optional(sa.Text(), "hidden_reason"),
        *_optional(sa.Uuid(), "shown_by"),
        sa.CheckConstraint("grade BETWEEN 1 AND 5", name=op.f("ck_app_ratings_grade")),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (person_id IS NOT NULL)", name=op.f("ck_app_ratings_withdrawn")),
        sa.CheckConstraint("hidden_at IS NULL OR hidden_by IS NOT NULL", name=op.f("ck_app_ratings_hidden")),
        sa.CheckConstraint("shown_by <> hidden_by", name=op.f("ck_app_ratings_second_person")),
        _to("app_ratings", "app_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_ratings")),
        sa.UniqueConstraint("app_id", "person_id", name=op.f("uq_app_ratings_app_id_person_id")),
    )
    op.create_index("ix_app_ratings_app_id", "app_ratings", ["app_id", "id"])
    op.create_index(op.f("ix_app_ratings_person_id"), "app_ratings", ["person_id"])
    op.create_table(
        "app_rating_replies",
        *_required(sa.Uuid(), "id", "rating_id"),
        *_required(sa.Text(), "words"),
        *_required(sa.Uuid(), "replied_by"),
        *_required(_TIME, "replied_at"),
        _to("app_rating_replies", "rating_id", "app_ratings.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_rating_replies")),
    )
    op.create_index("ix_app_rating_replies_rating_id", "app_rating_replies", ["rating_id", "id"])
    op.create_table(
        "app_rating_reports",
        *_required(sa.Uuid(), "id", "rating_id", "reported_by"),
        *_required(sa.Text(), "reason"),
        *_required(_TIME, "reported_at"),
        *_optional(_TIME, "closed_at"),
        _to("app_rating_reports", "rating_id", "app_ratings.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_rating_reports")),
        sa.UniqueConstraint("rating_id", "reported_by", name=op.f("uq_app_rating_reports_rating_id_reported_by")),
    )
    op.create_index(op.f("ix_app_rating_reports_reported_by"), "app_rating_reports", ["reported_by"])
    open_ones = sa.text("closed_at IS NULL")
    op.create_index("ix_app_rating_reports_open", "app_rating_reports", ["rating_id"], postgresql_where=open_ones)
    op.create_table(
        "app_grades",
        *_required(sa.Uuid(), "app_id"),
        *_zero("ratings", "total"),
        sa.CheckConstraint("ratings >= 0 AND total BETWEEN ratings AND 5 * ratings", name=op.f("ck_app_grades_total")),
        _to("app_grades", "app_id"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_app_grades")),
    )


def _create_recommended() -> None:
    op.create_table(
        "recommended_lists",
        *_required(sa.Uuid(), "id"),
        *_required(sa.Text(), "division_code", "status", "reason"),
        *_required(ARRAY(sa.Uuid()), "app_ids"),
        *_required(sa.Date(), "valid_from", "valid_until"),
        *_required(sa.Uuid(), "proposed_by"),
        *_required(_TIME, "proposed_at"),
        *_optional(sa.Uuid(), "decided_by"),
        *_optional(_TIME, "decided_at", "ended_at"),
        sa.CheckConstraint(
            "status IN ('proposed', 'in_force', 'rejected', 'withdrawn', 'replaced')",
            name=op.f("ck_recommended_lists_status"),
        ),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_recommended_lists_second_person")),
        sa.CheckConstraint("valid_from <= valid_until", name=op.f("ck_recommended_lists_validity")),
        sa.CheckConstraint("cardinality(app_ids) <= 20", name=op.f("ck_recommended_lists_length")),
        _to("recommended_lists", "division_code", "divisions.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommended_lists")),
    )
    for status in ("proposed", "in_force"):
        op.create_index(
            f"uq_recommended_lists_{status}",
            "recommended_lists",
            ["division_code"],
            unique=True,
            postgresql_where=sa.text(f"status = '{status}'"),
        )


def _create_webhooks() -> None:
    waiting = sa.text("status IN ('pending', 'sending')")
    op.create_table(
        "team_webhooks",
        *_required(sa.Uuid(), "team_id"),
        *_required(sa.Text(), "url"),
        *_required(sa.Uuid(), "set_by"),
        *_required(_TIME, "set_at"),
        *_optional(_TIME, "proved_at"),
        *_zero("failures", "probes"),
        *_optional(_TIME, "stalled_at", "probe_at", "paused_at"),
        *_optional(sa.Uuid(), "paused_by"),
        sa.CheckConstraint("(stalled_at IS NULL) = (probe_at IS NULL)", name=op.f("ck_team_webhooks_probe_at")),
        sa.CheckConstraint("(paused_at IS NULL) = (paused_by IS NULL)", name=op.f("ck_team_webhooks_paused")),
        _to("team_webhooks", "team_id", "teams.id"),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team_webhooks")),
    )
    op.create_table(
        "webhook_deliveries",
        *_required(sa.Uuid(), "id", "team_id"),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_required(sa.Text(), "kind", "status"),
        *_optional(sa.Uuid(), "app_id"),
        *_required(JSONB(), "details"),
        *_required(_TIME, "occurred_at", "give_up_at"),
        *_zero("failures"),
        *_optional(_TIME, "repeated_at", "settled_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'delivered', 'given_up')", name=op.f("ck_webhook_deliveries_status")
        ),
        sa.CheckConstraint(
            "kind IN ('endpoint_proof', 'release_approved', 'release_rejected', 'release_published', "
            "'registration_approved', 'registration_rejected', 'app_taken_down', 'app_restored', "
            "'complaint_received')",
            name=op.f("ck_webhook_deliveries_kind"),
        ),
        sa.CheckConstraint(
            "(status IN ('delivered', 'given_up')) = (settled_at IS NOT NULL)",
            name=op.f("ck_webhook_deliveries_settled_at"),
        ),
        _to("webhook_deliveries", "app_id"),
        _to("webhook_deliveries", "team_id", "teams.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("uq_webhook_deliveries_position", "webhook_deliveries", ["position"], unique=True)
    op.create_index("ix_webhook_deliveries_due", "webhook_deliveries", ["team_id", "try_at"], postgresql_where=waiting)
    op.create_index("ix_webhook_deliveries_expiring", "webhook_deliveries", ["give_up_at"], postgresql_where=waiting)
    op.create_index("ix_webhook_deliveries_team_id", "webhook_deliveries", ["team_id", "id"])
    op.create_index("ix_webhook_deliveries_settled_at", "webhook_deliveries", ["settled_at"])
    op.create_table(
        "webhook_attempts",
        *_required(sa.Uuid(), "id", "delivery_id"),
        *_required(sa.Integer(), "number"),
        *_required(_TIME, "began_at"),
        *_required(sa.Integer(), "milliseconds"),
        *_optional(sa.SmallInteger(), "status"),
        *_optional(sa.Text(), "fault"),
        sa.CheckConstraint(
            "fault IN ('address_refused', 'not_reached', 'no_answer', 'wrong_status', 'wrong_answer')",
            name=op.f("ck_webhook_attempts_fault"),
        ),
        _to("webhook_attempts", "delivery_id", "webhook_deliveries.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index("ix_webhook_attempts_delivery_id", "webhook_attempts", ["delivery_id", "id"])
