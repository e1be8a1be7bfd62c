"""SMS gateway: accepts messages, and shows them as the handset would."""

import json
import re
import uuid
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import (
    Faults,
    Refused,
    application,
    only_from_this_machine,
    open_state,
    parse,
    rfc3339,
    text,
)

PHONE = r"(\+|00)?[0-9]{6,15}"
TEMPLATE = r"[a-z0-9_.-]{1,64}"
KEPT_PER_PHONE = 20
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    template TEXT NOT NULL,
    params TEXT NOT NULL,
    sent_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_of_phone ON messages (phone, position);
"""
INSERT = "INSERT INTO messages (message_id, phone, template, params, sent_at) VALUES (?, ?, ?, ?, ?)"
FORGET_OLD = """
DELETE FROM messages WHERE phone = :phone AND position <=
    (SELECT position FROM messages WHERE phone = :phone ORDER BY position DESC LIMIT 1 OFFSET :kept)
"""
NEWEST_FIRST = """
SELECT message_id, phone, template, params, sent_at FROM messages WHERE phone = ? ORDER BY position DESC
"""


def create_app() -> Starlette:
    routes = [Route("/messages", send, methods=["POST"]), Route("/messages", handset, methods=["GET"])]
    return application(open_state("sms", SCHEMA), routes, Faults("lost"))


async def send(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    body = parse(await request.body())
    phone, template = _subscriber(text(body, "phone", PHONE)), text(body, "template", TEMPLATE)
    params = body.get("params", {})
    if not isinstance(params, dict) or not all(isinstance(value, str | int) for value in params.values()):
        raise Refused(422, "invalid_request", "params must be an object of strings and whole numbers")
    message_id = str(uuid.uuid4())
    if not request.app.state.faults.take("lost"):  # otherwise it is accepted but never delivered
        db, now = request.app.state.db, rfc3339(datetime.now(UTC))
        db.execute(INSERT, (message_id, phone, template, json.dumps(params), now))
        db.execute(FORGET_OLD, {"phone": phone, "kept": KEPT_PER_PHONE})
    return JSONResponse({"message_id": message_id}, 202)


async def handset(request: Request) -> Response:
    only_from_this_machine(request)
    # An unescaped plus sign in a query is decoded as a space.
    phone = text({"phone": request.query_params.get("phone", "").strip()}, "phone", PHONE)
    rows = request.app.state.db.execute(NEWEST_FIRST, (_subscriber(phone),))
    return JSONResponse({"items": [{**row, "params": json.loads(row["params"])} for row in rows]})


def _subscriber(phone: str) -> str:
    """One subscriber for all spellings: 13800000001, +8613800000001, 008613800000001."""
    return re.sub(r"^(\+|00)?86(?=1[0-9]{10}$)", "", phone)
