"""Events of svc_services, handed to the consumers of a read model."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.inbox import AnyHandler, Received

FIRST_MINUTE = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """`minute` is its time, counted from FIRST_MINUTE."""

    type: str
    data: dict[str, Any]
    minute: int = 0

    async def consume(self, tx: AsyncSession, handlers: Iterable[AnyHandler]) -> None:
        (handler,) = (each for each in handlers if each.event_type == f"cn.ili.services.{self.type}.v1")
        handle: Callable[[AsyncSession, Received[Any]], Awaitable[None]] = handler.handle
        time = FIRST_MINUTE + timedelta(minutes=self.minute)
        await handle(tx, Received(new_id(), handler.event_type, time, handler.data.model_validate(self.data)))
