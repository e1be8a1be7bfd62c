from typing import ClassVar

from chassis.outbox import Event


class ClientRegistered(Event):
    event_type: ClassVar[str] = "cn.ili.identity.client.registered.v1"
    key_field: ClassVar[str] = "client_id"

    client_id: str
