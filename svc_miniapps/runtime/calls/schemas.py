from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.fields import Sentence
from svc_miniapps.runtime.calls.models import Operation

MOST_CALLS = 10_000_000


class NewCallQuota(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    daily_limit: Annotated[int, Field(ge=0, le=MOST_CALLS)]
    reason: Sentence
    """The team reads it."""


class CallQuota(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    operation: Operation
    daily_limit: int
    used_today: int
    free_at: datetime
    """When the next day begins in China."""
    reason: str | None
    """Why an operator has set it; null for the default."""
    changed_at: datetime | None


class CallQuotas(BaseModel):
    items: list[CallQuota]


class DayOfCalls(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    day: date
    operation: Operation
    calls: int
    """Within the quota."""
    refused: int
    """Of the calls, those answered by a refusal."""
    failed: int
    """Of the calls, those that failed on the platform's side."""
    over_quota: int
    """Beside the calls, those above the quota."""


class CallFigures(BaseModel):
    items: list[DayOfCalls]
