"""What a service holds of a person, for the one file in which they take it along (PIPL 45).

svc_identity issues a ticket after a fresh sign-in; the gateway calls `GET /<service>/v1/my-data` of each service with
it and puts the answers into one file. A ticket opens nothing else, and no access token opens this.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, LargeBinary, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, TokenVerifier, verified_otherwise
from chassis.tokens import presented_token

TYPE, AUDIENCE = "data-export+jwt", "myili:my-data"
TICKET_RULE = Depends(verified_otherwise(by="a ticket that svc_identity issues after a fresh sign-in"))
_MOST_ROWS = 100_000


class Ticket(BaseModel):
    """The claims of a ticket."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: UUID
    client_id: str
    sid: str | None = None
    """The sign-in that asked; a ticket ends with it."""


class MyData(BaseModel):
    """What one service holds of a person."""

    service: str
    kinds: dict[str, list[dict[str, Any]]] = Field(description="The records of each kind, with their own columns.")


async def _person(request: Request, response: Response) -> UUID:
    response.headers["Cache-Control"] = "no-store"
    _scheme, token = presented_token(request)
    verifier: TokenVerifier = request.app.state.token_verifier
    ticket = await verifier.verify_statement(token, Ticket, typ=TYPE, audience=AUDIENCE)
    asking = Caller(str(ticket.sub), "person", ticket.client_id, frozenset(), 0, (), sid=ticket.sid)
    if admit := request.app.state.admission:
        await admit(request.app.state.database, asking)
    return ticket.sub


PersonOfTicket = Annotated[UUID, Depends(_person)]


async def records(
    tx: AsyncSession, model: type[Any], *which: ColumnElement[bool], without: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The rows of a table as they are, without hashes, keys and ciphertexts.

    Args:
        tx: a reading transaction.
        model: of the table.
        which: the rows of the person.
        without: further columns that are not about the person.
    """
    mapper = inspect(model)
    columns = [
        attribute
        for attribute in mapper.column_attrs
        if not isinstance(attribute.columns[0].type, LargeBinary)
        and not isinstance(getattr(attribute.columns[0].type, "impl", None), LargeBinary)
        and attribute.key not in without
    ]
    query = select(*(attribute.class_attribute for attribute in columns)).where(*which).limit(_MOST_ROWS)
    return [_plain(dict(zip([each.key for each in columns], row, strict=True))) for row in await tx.execute(query)]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in row.items()}
