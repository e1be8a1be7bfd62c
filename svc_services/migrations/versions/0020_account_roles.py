"""Roles at accounts: family and tenants whom the owner invites."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_BINDINGS, _INVITATIONS = "account_bindings", "account_invitations"
_SEALED = (
    SealedTable(
        _INVITATIONS,
        with_hashes(label=("code_hash", "label"), code_hash=("code_hash",), name_mac=("code_hash", "name_mac")),
    ),
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
    extend_trail(_SEALED)


def _extend_bindings() -> None:
    op.add_column(_BINDINGS, sa.Column("granted_by", sa.Uuid(), nullable=True))
    op.add_column(_BINDINGS, sa.Column("starts_on", sa.Date(), nullable=True))
    op.add_column(_BINDINGS, sa.Column("access_until", sa.Date(), nullable=True))
    op.create_foreign_key(
        op.f("fk_account_bindings_granted_by_account_bindings"), _BINDINGS, _BINDINGS, ["granted_by"], ["id"]
    )
    _check("role", "role IN ('owner', 'family', 'tenant')")
    for name, rule in {
        "granted": "(role = 'owner') = (granted_by IS NULL)",
        "starts_on": "role = 'tenant' OR starts_on IS NULL",
        "access_until": "role <> 'owner' OR access_until IS NULL",
    }.items():
        op.create_check_constraint(op.f(f"ck_account_bindings_{name}"), _BINDINGS, rule)
    active = sa.text("status = 'active'")
    op.create_index("ix_account_bindings_granted", _BINDINGS, ["granted_by"], postgresql_where=active)
    op.create_index("ix_account_bindings_timed", _BINDINGS, ["access_until"], postgresql_where=active)


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


def downgrade() -> None:
    """Refused by the check of roles once somebody was invited: who had access is kept."""
    _check("role", "role IN ('owner')")
    shorten_trail(_SEALED)
    op.drop_table(_INVITATIONS)
    for column in ("granted_by", "starts_on", "access_until"):
        op.drop_column(_BINDINGS, column)


def _check(name: str, rule: str) -> None:
    op.drop_constraint(op.f(f"ck_account_bindings_{name}"), _BINDINGS)
    op.create_check_constraint(op.f(f"ck_account_bindings_{name}"), _BINDINGS, rule)
