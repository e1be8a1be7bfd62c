"""The tables of a trail; a service adds them to its metadata with `add_trail`.

Only the triggers of `sealing` write seals and links; anchors are listed by the worker.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from chassis.db import Timestamp

trail_metadata = MetaData()

audit_seals = Table(
    "audit_seals",
    trail_metadata,
    Column("batch", Uuid, nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("table_name", Text, nullable=False),
    Column("row_key", Text, nullable=False),
    Column("written_by", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    PrimaryKeyConstraint("batch", "position"),
)
"""One version of a sealed row: its content, and the database role that logged in to write it."""

audit_links = Table(
    "audit_links",
    trail_metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("batch", Uuid, nullable=False, unique=True),
    Column("sealed_at", Timestamp, nullable=False),
    CheckConstraint("number > 0", name="number_positive"),
    CheckConstraint("octet_length(hash) = 32 AND octet_length(previous_hash) = 32", name="hashes_whole"),
)
"""The seals of one transaction in the chain, in the order of commit."""

audit_anchors = Table(
    "audit_anchors",
    trail_metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("object_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("anchored_at", Timestamp, nullable=False),
)
"""The anchors that were written to the store outside the database."""


def add_trail(metadata: MetaData) -> None:
    """Add the tables of the trail to a service's metadata."""
    for table in trail_metadata.tables.values():
        table.to_metadata(metadata)
