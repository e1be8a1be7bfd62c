"""The migration of a service that takes the trail up."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.sealing import (
    DROP_KEEPING,
    FUNCTIONS,
    KEEP_SEALS,
    TRIGGERS,
    SealedTable,
    seal_existing,
    seal_rows,
    sealing_of,
    unsealing_of,
)


def create_trail(tables: Sequence[SealedTable]) -> None:
    """Create the trail, seal what is there into its first link, and seal these tables from now on."""
    op.create_table(
        "audit_seals",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("batch", "position", name=op.f("pk_audit_seals")),
    )
    op.create_table(
        "audit_links",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_audit_links_number_positive")),
        sa.CheckConstraint(
            "octet_length(hash) = 32 AND octet_length(previous_hash) = 32", name=op.f("ck_audit_links_hashes_whole")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_links")),
        sa.UniqueConstraint("batch", name=op.f("uq_audit_links_batch")),
    )
    op.create_table(
        "audit_anchors",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("anchored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_anchors")),
    )
    locked = ", ".join(table.name for table in tables)
    statements = [*FUNCTIONS, f"LOCK TABLE {locked} IN SHARE ROW EXCLUSIVE MODE", *seal_existing(tables), *TRIGGERS]
    for statement in (*statements, *(each for table in tables for each in sealing_of(table))):
        op.execute(statement)


def extend_trail(tables: Sequence[SealedTable]) -> None:
    """Seal further tables of a service that has a trail, what is there first."""
    locked = ", ".join(table.name for table in tables)
    for statement in (
        f"LOCK TABLE {locked} IN SHARE ROW EXCLUSIVE MODE",
        # Nobody else can write a seal before the trigger is back: this holds the table's lock until the commit.
        DROP_KEEPING,
        *seal_rows(tables),
        # The seals are linked now: with triggers of theirs pending, the table cannot be altered.
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SET CONSTRAINTS ALL DEFERRED",
        KEEP_SEALS,
        *(each for table in tables for each in sealing_of(table)),
    ):
        op.execute(statement)


def shorten_trail(tables: Sequence[SealedTable]) -> None:
    """The reverse of `extend_trail`; the seals stay in the chain."""
    for statement in (each for table in tables for each in unsealing_of(table)):
        op.execute(statement)


def drop_trail(tables: Sequence[SealedTable]) -> None:
    """The reverse of `create_trail`."""
    for statement in (each for table in tables for each in unsealing_of(table)):
        op.execute(statement)
    for table in ("audit_anchors", "audit_links", "audit_seals"):
        op.drop_table(table)
    for function in ("open_audit_batch()", "link_audit_batch(uuid)", "link_audit_seals()", "keep_audit_trail()"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP FUNCTION refuse_change_of_trail()")
