"""A company asks two operators to correct its details."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_ACTIONS = (
    *("suspend", "resume", "add_key", "end_key", "limit_key", "fetch_keys", "correct_endpoint"),
    *("declare_customer_parameters", "correct_contact", "stop_key"),
)
_TAKEN_UP = (
    "num_nonnulls(company_key, admin_id) = CASE WHEN proposed_by IS NULL THEN 1 "
    "WHEN action = 'correct_details' THEN num_nonnulls(company_key, admin_id) ELSE 0 END"
)


def upgrade() -> None:
    _check("action", _one_of([*_ACTIONS, "correct_details"]))
    _check("requested", _TAKEN_UP)


def downgrade() -> None:
    """Refused by the checks once details were corrected: who did it is kept."""
    _check("requested", "num_nonnulls(company_key, proposed_by, admin_id) = 1")
    _check("action", _one_of(_ACTIONS))


def _one_of(actions: tuple[str, ...] | list[str]) -> str:
    return f"action IN ({', '.join(map(repr, actions))})"


def _check(name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_provider_changes_{name}"), "provider_changes", type_="check")
    op.create_check_constraint(op.f(f"ck_provider_changes_{name}"), "provider_changes", condition)
