"""What an endpoint for the servers of mini-apps depends on, so that each call counts with what came of it."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from fastapi import Depends
from fastapi.exceptions import RequestValidationError

from chassis.db import Transactions
from chassis.problems import Problem
from svc_miniapps.runtime.callers import MessagingApp
from svc_miniapps.runtime.calls.models import Operation
from svc_miniapps.runtime.calls.service import add_to, take_call

_OURS = 500


def counted(operation: Operation) -> Any:  # noqa: ANN401 - what FastAPI declares
    """The calling app, whose call is counted; name it before the transaction, so that a failed commit counts too."""
    counting: Callable[..., AsyncIterator[UUID]] = _counting(operation)
    return Depends(counting, scope="function")


def _counting(operation: Operation) -> Callable[..., AsyncIterator[UUID]]:
    async def count(app_id: MessagingApp, database: Transactions) -> AsyncIterator[UUID]:
        day = await take_call(database, app_id, operation)
        try:
            yield app_id
        except (Problem, RequestValidationError) as refusal:
            is_ours = getattr(refusal, "status", 0) >= _OURS
            await add_to(database, app_id, operation, day, "failed" if is_ours else "refused")
            raise
        except Exception:
            await add_to(database, app_id, operation, day, "failed")
            raise

    return count
