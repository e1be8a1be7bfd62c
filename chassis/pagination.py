"""Keyset pages: `?limit=&cursor=` in, `items` and `next_cursor` out; a page costs the same at any depth."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import BigInteger, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.problems import Problem

Item = TypeVar("Item")
Row = TypeVar("Row")
Key = TypeVar("Key", UUID, str, int)
_LARGEST_INTEGER, _LARGEST_BIG_INTEGER = 2**31 - 1, 2**63 - 1


class BadCursor(Problem):
    status, code = 400, "bad_cursor"


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}Page"


@dataclass(frozen=True)
class PageRequest:
    """The page a client requests: how many items, after which key."""

    limit: int = 50
    after: str | None = None


# Not the class itself as the dependency: FastAPI would call its constructor in a thread.
async def _page_request(
    limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> PageRequest:
    return PageRequest(limit, _decode(cursor) if cursor else None)


PageQuery = Annotated[PageRequest, Depends(_page_request)]


def _decode(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        after = json.loads(base64.urlsafe_b64decode(padded))["after"]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise BadCursor from None
    if not isinstance(after, str) or not after.isprintable():  # PostgreSQL rejects NUL and lone surrogates
        raise BadCursor
    return after


def cursor_after(key: UUID | str | int) -> str:
    """The cursor of the page after this key."""
    return base64.urlsafe_b64encode(json.dumps({"after": str(key)}).encode()).decode().rstrip("=")


async def page_of(
    tx: AsyncSession,
    query: Select[Row],
    request: PageRequest,
    key: InstrumentedAttribute[Key],
    show: Callable[[Row], Item],
    *,
    newest_first: bool = False,
) -> Page[Item]:
    """One page of single rows, ordered by a unique key: a UUIDv7 (the order of creation), a code or a number."""
    if request.after is not None:
        try:
            after = key.type.python_type(request.after)
        except ValueError:
            raise BadCursor from None
        largest = _LARGEST_BIG_INTEGER if isinstance(key.type, BigInteger) else _LARGEST_INTEGER
        if isinstance(after, int) and abs(after) > largest:
            raise BadCursor
        query = query.where(key < after if newest_first else key > after)
    query = query.order_by(key.desc() if newest_first else key).limit(request.limit + 1)
    rows = (await tx.scalars(query)).all()
    shown = rows[: request.limit]
    more = len(rows) > request.limit
    last = getattr(shown[-1], key.key) if more else None
    return Page(items=[show(row) for row in shown], next_cursor=cursor_after(last) if last else None)
