"""What the catalogue asks of the workflows, which stand a floor above: `app.py` and the starter hand it in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class WorkflowLimit:
    workflow_id: UUID
    version: int
    limit_days: int
    """Working days after which a case that follows it is late."""


WorkflowOf: TypeAlias = Callable[[AsyncSession, str, str], Awaitable[WorkflowLimit | None]]
"""The workflow of what is filed now for a kind of utility and a kind of application."""


def _handed_in(request: Request) -> WorkflowOf:
    workflow_of: WorkflowOf = request.app.state.workflow_of
    return workflow_of


Workflows = Annotated[WorkflowOf, Depends(_handed_in)]
