"""Indexes for numbers that people read out: of refunds, e-invoices, contracts, cases and card slips."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INDEXES = (
    ("refunds", "reference"),
    ("e_invoices", "invoice_number"),
    ("e_invoices", "red_invoice_number"),
    ("mandates", "contract_id"),
    ("cases", "number"),
    ("cases", "transaction_id"),
    ("till_payments", "retrieval_number"),
)


def upgrade() -> None:
    for table, column in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table, column in _INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
