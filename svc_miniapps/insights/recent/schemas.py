from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class RecentApp(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    name: str
    opened_at: datetime
    available: bool
    """Whether residents see it now."""


class RecentApps(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    enabled: bool
    """Whether openings are kept for this list."""
    items: list[RecentApp]
    """The one opened last comes first; at most thirty."""


class RecentAppsChoice(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    enabled: bool
    """False deletes the list, and nothing is added to it."""
