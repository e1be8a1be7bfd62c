"""Accounts opened although somebody else holds them, HEIC pictures as materials, hours of appointments."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_STEPS, _HOURS = "application_steps", ("appointment_from", "appointment_to")
_WHOLE = (
    "num_nulls(appointment_from, appointment_to) = 2 OR "
    "(num_nulls(appointment_on, appointment_from, appointment_to) = 0 AND appointment_from < appointment_to)"
)
_SEALED = (SealedTable("account_clashes", with_hashes(reason=("reason",))),)


def upgrade() -> None:
    _create_account_clashes()
    extend_trail(_SEALED)
    _allow_media_types("application/pdf", "image/jpeg", "image/png", "image/heic")
    for name in _HOURS:
        op.add_column(_STEPS, sa.Column(name, sa.Time(), nullable=True))
    op.create_check_constraint(op.f(f"ck_{_STEPS}_appointment_hours"), _STEPS, _WHOLE)


def downgrade() -> None:
    """Back to the schema before; refused by it once a HEIC picture was handed in."""
    for name in _HOURS:
        op.drop_column(_STEPS, name)
    _allow_media_types("application/pdf", "image/jpeg", "image/png")
    shorten_trail(_SEALED)
    op.drop_table("account_clashes")


def _allow_media_types(*kinds: str) -> None:
    name = op.f("ck_materials_media_type")
    op.drop_constraint(name, "materials")
    op.create_check_constraint(name, "materials", f"media_type IN ({', '.join(map(repr, kinds))})")


def _create_account_clashes() -> None:
    table = "account_clashes"
    targets = {"application_id": "applications", "provider_id": "providers", "binding_id": "account_bindings"}
    closing = "num_nulls(closed_by, closed_at, reason)"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in targets),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('open', 'bound', 'dismissed')", name=op.f(f"ck_{table}_status")),
        sa.CheckConstraint(f"(status = 'open') = ({closing} = 3)", name=op.f(f"ck_{table}_closed")),
        sa.CheckConstraint(f"status = 'open' OR {closing} = 0", name=op.f(f"ck_{table}_closed_whole")),
        *(
            sa.ForeignKeyConstraint([name], [f"{target}.id"], name=op.f(f"fk_{table}_{name}_{target}"))
            for name, target in targets.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_account_clashes_open", table, ["application_id"], unique=True, postgresql_where=sa.text("status = 'open'")
    )
    op.create_index(op.f(f"ix_{table}_provider_id"), table, ["provider_id"])
