from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_services.providers.connections.schemas import ConnectionKey


class ToAct(StrEnum):
    COMPANY = "company"
    """It has a key in force, and adds the next one by itself."""
    OPERATORS = "operators"
    """They suspended it, or it has no key in force: two of them add a key."""


class ExpiringKeys(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    name: str
    to_act: ToAct
    """Who can add the next key."""
    keys: list[ConnectionKey]
    """Those that end by then or have ended by themselves, the earliest first."""
