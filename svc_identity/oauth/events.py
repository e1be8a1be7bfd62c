from typing import ClassVar

from chassis.outbox import Event


class ClientRegistered(Event):
    event_type: ClassVar[str] = "cn.ili.identity.client.registered.v1"
    key_field: ClassVar[str] = "client_id"

    client_id: str


class ClientKeyUnknown(Event):
    """A client whose keys are fetched has signed with one that is not known here; at most once a minute each."""

    event_type: ClassVar[str] = "cn.ili.identity.client.key_unknown.v1"
    key_field: ClassVar[str] = "client_id"

    client_id: str
