"""Roles hold in a division: an organisation keeps its division and its kind."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Moving an organisation would move the power of all its members; one that moves is registered anew.
_KEEP = """
CREATE FUNCTION keep_division() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.division_code, NEW.kind) IS DISTINCT FROM (OLD.division_code, OLD.kind) THEN
        RAISE EXCEPTION 'an organisation keeps its division and its kind';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(_KEEP)
    op.execute(
        "CREATE TRIGGER keep_division BEFORE UPDATE ON organisations FOR EACH ROW EXECUTE FUNCTION keep_division()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_division ON organisations")
    op.execute("DROP FUNCTION keep_division()")
