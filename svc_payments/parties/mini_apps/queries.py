"""Mini-apps whose servers call, and whether they still may."""

import re
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, exists, func, literal
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller
from kit.ended.models import Kind, ended_access

_CLIENT = "miniapp-"
_CLIENT_ID = re.compile(rf"{_CLIENT}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", re.ASCII)


def client_of(app_id: UUID) -> str:
    """The name of a mini-app's client in svc_identity."""
    return f"{_CLIENT}{app_id}"


def app_of(caller: Caller) -> UUID | None:
    """The mini-app whose server calls as itself; None for every other caller."""
    is_server = caller.kind == "client" and _CLIENT_ID.fullmatch(caller.subject) is not None
    return UUID(caller.subject.removeprefix(_CLIENT)) if is_server else None


def client_column(app_id: InstrumentedAttribute[UUID]) -> ColumnElement[str]:
    """The same of each row."""
    return literal(_CLIENT).concat(cast(app_id, Text))


def has_lost_access(client: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Whether a client is suspended, as that of a mini-app is after a take-down."""
    return exists().where(
        ended_access.c.kind == Kind.CLIENT, ended_access.c.subject == client, ended_access.c.ended_until > func.now()
    )
