"""Messages that residents subscribe to, and quotas of calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OPERATIONS = "operation IN ('send_message', 'get_message')"
_SEALED = (
    SealedTable("message_templates", with_hashes(reason=("reason",))),
    SealedTable("call_quotas", key=f"{ROW}.app_id::text || ' ' || {ROW}.operation"),
)


def upgrade() -> None:
    _create_templates()
    _create_consents()
    _create_messages()
    _create_quotas()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("call_quotas", "app_calls", "app_messages", "message_consents", "subscribers", "message_templates"):
        op.drop_table(table)


def _uuids(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _of_app(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f(f"fk_{table}_app_id_apps"))


def _of_template(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_template_id_message_templates")
    return sa.ForeignKeyConstraint(["template_id"], ["message_templates.id"], name=name)


def _create_templates() -> None:
    statuses = "'waiting', 'approved', 'rejected', 'withdrawn', 'retired'"
    op.create_table(
        "message_templates",
        *_uuids("id", "app_id"),
        sa.Column("fields", JSONB(), nullable=False),
        sa.Column("texts", JSONB(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("submitted_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("retired_by", sa.Uuid(), nullable=True),
        sa.Column("retired_at", _TIME, nullable=True),
        sa.CheckConstraint(f"status IN ({statuses})", name=op.f("ck_message_templates_status")),
        sa.CheckConstraint(
            "(status = 'waiting') = (decided_by IS NULL AND decided_at IS NULL)",
            name=op.f("ck_message_templates_decided"),
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by <> submitted_by", name=op.f("ck_message_templates_second_person")
        ),
        sa.CheckConstraint(
            "(status = 'retired') = (retired_by IS NOT NULL AND retired_at IS NOT NULL)",
            name=op.f("ck_message_templates_retired"),
        ),
        _of_app("message_templates"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_templates")),
    )
    op.create_index("ix_message_templates_app_id", "message_templates", ["app_id", "id"])
    op.create_index("ix_message_templates_status", "message_templates", ["status", "id"])


def _create_consents() -> None:
    op.create_table(
        "subscribers",
        *_uuids("app_id", "person_id", "openid"),
        _of_app("subscribers"),
        sa.PrimaryKeyConstraint("app_id", "person_id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("app_id", "openid", name=op.f("uq_subscribers_app_id_openid")),
    )
    op.create_index(op.f("ix_subscribers_person_id"), "subscribers", ["person_id"])
    op.create_table(
        "message_consents",
        *_uuids("id", "app_id", "person_id", "template_id"),
        sa.Column("given_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("num_nonnulls(used_at, ended_at) < 2", name=op.f("ck_message_consents_used_or_ended")),
        sa.ForeignKeyConstraint(
            ["app_id", "person_id"],
            ["subscribers.app_id", "subscribers.person_id"],
            name=op.f("fk_message_consents_app_id_person_id_subscribers"),
        ),
        _of_template("message_consents"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_consents")),
    )
    of_person = ["app_id", "person_id", "template_id"]
    op.create_index("ix_message_consents_app_id_person_id", "message_consents", of_person)
    op.create_index("ix_message_consents_person_id", "message_consents", ["person_id", "id"])


def _create_messages() -> None:
    op.create_table(
        "app_messages",
        *_uuids("id", "app_id"),
        sa.Column("message_id", sa.Text(), nullable=False),
        *_uuids("template_id", "consent_id", "person_id"),
        sa.Column("values", JSONB(), nullable=False),
        sa.Column("page_query", sa.Text(), nullable=True),
        sa.Column("sent_at", _TIME, nullable=False),
        sa.Column("read_at", _TIME, nullable=True),
        sa.Column("removed_at", _TIME, nullable=True),
        _of_app("app_messages"),
        _of_template("app_messages"),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["message_consents.id"], name=op.f("fk_app_messages_consent_id_message_consents")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_messages")),
        sa.UniqueConstraint("app_id", "message_id", name=op.f("uq_app_messages_app_id_message_id")),
        sa.UniqueConstraint("consent_id", name=op.f("uq_app_messages_consent_id")),
    )
    op.create_index("ix_app_messages_person_id", "app_messages", ["person_id", "id"])
    op.create_index("ix_app_messages_sent_at", "app_messages", ["sent_at"])


def _create_quotas() -> None:
    op.create_table(
        "app_calls",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("calls", "refused", "failed", "over_quota")),
        sa.CheckConstraint(_OPERATIONS, name=op.f("ck_app_calls_operation")),
        _of_app("app_calls"),
        sa.PrimaryKeyConstraint("app_id", "day", "operation", name=op.f("pk_app_calls")),
    )
    op.create_table(
        "call_quotas",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint(_OPERATIONS, name=op.f("ck_call_quotas_operation")),
        sa.CheckConstraint("daily_limit BETWEEN 0 AND 10000000", name=op.f("ck_call_quotas_daily_limit")),
        _of_app("call_quotas"),
        sa.PrimaryKeyConstraint("app_id", "operation", name=op.f("pk_call_quotas")),
    )
