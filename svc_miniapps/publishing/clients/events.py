from typing import Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class AppClientChanged(Event):
    """The OAuth client of a mini-app as it is after a change; of two events the higher revision is newer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.miniapps.app.client_changed.v1"
    key_field: ClassVar[str] = "app_id"

    app_id: UUID
    name: str
    """As people read it when they are asked whether the app may have what it asks for."""
    revision: int
    redirect_uris: list[str]
    """Compared character by character; none where only its server signs residents in."""
    scopes: list[str]
    suspended: bool
    jwks: dict[str, Any] | None = None
    """The public keys of its server (RFC 7517), if it has one."""
    """Whether it gets no tokens and those it has are refused."""
