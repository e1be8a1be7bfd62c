"""Roles at accounts: family and tenants whom the owner invites; proof anew, ordered ends, and readings of meters."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_BINDINGS, _INVITATIONS, _ENDS = "account_bindings", "account_invitations", "binding_ends"
_SEALED = (
    SealedTable(
        _INVITATIONS,
        with_hashes(label=("code_hash", "label"), code_hash=("code_hash",), name_mac=("code_hash", "name_mac")),
    ),
    SealedTable(_ENDS, with_hashes(reason=("reason",))),
)
_CHECKS = {
    "role": "role IN ('family', 'tenant')",
    "status": "status IN ('open', 'accepted', 'withdrawn', 'blocked')",
    "accepted": "(status = 'accepted') = (accepted_as IS NOT NULL)",
    "decided": "(status = 'open') = (decided_at IS NULL)",
}


def upgrade() -> None:
    _extend_bindings()
    _create_invitations()
    _create_ends()
    extend_trail(_SEALED)
    _create_meters()
    _create_readings()


def _extend_bindings() -> None:
    op.add_column(_BINDINGS, sa.Column("granted_by", sa.Uuid(), nullable=True))
    op.add_column(_BINDINGS, sa.Column("starts_on", sa.Date(), nullable=True))
    op.add_column(_BINDINGS, sa.Column("access_until", sa.Date(), nullable=True))
    op.add_column(_BINDINGS, sa.Column("proved_at", _TIME, nullable=True))
    op.add_column(_BINDINGS, sa.Column("prove_by", sa.Date(), nullable=True))
    op.create_foreign_key(
        op.f("fk_account_bindings_granted_by_account_bindings"), _BINDINGS, _BINDINGS, ["granted_by"], ["id"]
    )
    _check("role", "role IN ('owner', 'family', 'tenant')")
    for name, rule in {
        "granted": "(role = 'owner') = (granted_by IS NULL)",
        "starts_on": "role = 'tenant' OR starts_on IS NULL",
        "access_until": "role <> 'owner' OR access_until IS NULL",
        "prove_by": "role = 'owner' OR prove_by IS NULL",
    }.items():
        op.create_check_constraint(op.f(f"ck_account_bindings_{name}"), _BINDINGS, rule)
    active = sa.text("status = 'active'")
    op.create_index("ix_account_bindings_granted", _BINDINGS, ["granted_by"], postgresql_where=active)
    op.create_index("ix_account_bindings_timed", _BINDINGS, ["access_until"], postgresql_where=active)
    unproved = sa.text("status = 'active' AND prove_by IS NOT NULL")
    op.create_index("ix_account_bindings_unproved", _BINDINGS, ["prove_by"], postgresql_where=unproved)


def _create_invitations() -> None:
    op.create_table(
        _INVITATIONS,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("access_until", sa.Date(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name_mac", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("accepted_as", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_account_invitations_{name}")) for name, rule in _CHECKS.items()),
        *(
            sa.ForeignKeyConstraint(
                [column], ["account_bindings.id"], name=op.f(f"fk_account_invitations_{column}_account_bindings")
            )
            for column in ("binding_id", "accepted_as")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_invitations")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_account_invitations_code_hash")),
    )
    op.create_index("ix_account_invitations_binding_id_id", _INVITATIONS, ["binding_id", "id"])
    op.create_index(op.f("ix_account_invitations_accepted_as"), _INVITATIONS, ["accepted_as"])
    op.create_index(
        "ix_account_invitations_open", _INVITATIONS, ["binding_id"], postgresql_where=sa.text("status = 'open'")
    )


def _create_ends() -> None:
    checks = {
        "status": "status IN ('proposed', 'done', 'rejected', 'withdrawn')",
        "second_person": "status = 'withdrawn' OR decided_by <> proposed_by",
        "decided": "(status = 'proposed') = (decided_by IS NULL)",
    }
    op.create_table(
        _ENDS,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_binding_ends_{name}")) for name, rule in checks.items()),
        sa.ForeignKeyConstraint(
            ["binding_id"], ["account_bindings.id"], name=op.f("fk_binding_ends_binding_id_account_bindings")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_binding_ends_provider_id_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding_ends")),
    )
    proposed = sa.text("status = 'proposed'")
    op.create_index("uq_binding_ends_proposed", _ENDS, ["binding_id"], unique=True, postgresql_where=proposed)


def _create_meters() -> None:
    op.create_table(
        "meter_books",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.SmallInteger(), nullable=True),
        sa.Column("last_day", sa.SmallInteger(), nullable=True),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("num_nulls(first_day, last_day) <> 1", name=op.f("ck_meter_books_days")),
        sa.CheckConstraint(
            "first_day BETWEEN 1 AND 31 AND last_day BETWEEN 1 AND 31", name=op.f("ck_meter_books_days_of_month")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_meter_books_provider_id_providers")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_meter_books")),
    )
    op.create_table(
        "meter_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=False),
        sa.Column("first_reading", sa.Numeric(12, 3), nullable=False),
        sa.Column("digits", sa.SmallInteger(), nullable=True),
        sa.Column("reported_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_meter_changes_provider_id_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_changes")),
    )
    columns = ["provider_id", "account_number", "changed_on"]
    op.create_index("uq_meter_changes_day", "meter_changes", columns, unique=True)


def _create_readings() -> None:
    table = "meter_readings"
    references = {"provider_id": "providers", "binding_id": "account_bindings", "replaces": table}
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=True),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column("reading", sa.Numeric(12, 3), nullable=False),
        sa.Column("usage", sa.Numeric(12, 3), nullable=True),
        sa.Column("rolled_over", sa.Boolean(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("replaces", sa.Uuid(), nullable=True),
        sa.Column("replaced_at", _TIME, nullable=True),
        sa.Column("submitted_at", _TIME, nullable=False),
        sa.CheckConstraint("reading >= 0 AND usage >= 0", name=op.f("ck_meter_readings_not_negative")),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
            for column, other in references.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_readings")),
    )
    op.create_index("uq_meter_readings_number", table, ["provider_id", "number"], unique=True)
    columns = ["provider_id", "account_number", "read_on"]
    in_force = sa.text("replaced_at IS NULL")
    op.create_index("uq_meter_readings_day", table, columns, unique=True, postgresql_where=in_force)
    op.create_index(op.f("ix_meter_readings_binding_id"), table, ["binding_id"])


def downgrade() -> None:
    """Refused by the check of roles once somebody was invited: who had access is kept."""
    _check("role", "role IN ('owner')")
    for table in ("meter_readings", "meter_changes", "meter_books"):
        op.drop_table(table)
    shorten_trail(_SEALED)
    op.drop_table(_ENDS)
    op.drop_table(_INVITATIONS)
    for column in ("granted_by", "starts_on", "access_until", "proved_at", "prove_by"):
        op.drop_column(_BINDINGS, column)


def _check(name: str, rule: str) -> None:
    op.drop_constraint(op.f(f"ck_account_bindings_{name}"), _BINDINGS)
    op.create_check_constraint(op.f(f"ck_account_bindings_{name}"), _BINDINGS, rule)
