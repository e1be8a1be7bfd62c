"""The table of roles; a service adds it to its metadata with `add_staff_roles`."""

from sqlalchemy import Column, Index, MetaData, Table, Text, Uuid

from chassis.db import Timestamp

_metadata = MetaData()

staff_roles = Table(
    "staff_roles",
    _metadata,
    Column("membership_id", Uuid, primary_key=True),
    Column("organisation_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("division_code", Text),
    Column("proposed_by", Uuid),
    Column("proposed_at", Timestamp),
    Column("granted_at", Timestamp),
    Column("second_from", Timestamp),
    Column("ended_at", Timestamp),
    Index("ix_staff_roles_person_id", "person_id"),
)
"""A role that a person holds or held. `division_code` is NULL where only events from before roles had divisions told of
it. `granted_at` is NULL where only the end has been heard of so far: events of one membership come in any order. From
`second_from` on the person can be the second one. `proposed_by` is NULL for the first operators, who are appointed by a
command on the server.
"""


def add_staff_roles(metadata: MetaData) -> None:
    """Add the table to a service's metadata."""
    staff_roles.to_metadata(metadata)
