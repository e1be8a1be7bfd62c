"""A face verifier without cameras: `/captures` stands for its SDK on a phone, and says whose face was there.

A session is about one name and one ID number. Its token is good for one capture within ten minutes; the result can be
asked for as often as wanted, and repeats what was asked. No image comes here either.
"""

import secrets
import time
import uuid

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import Faults, Refused, application, only_from_this_machine, open_state, parse, text

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, sdk_token TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    id_number TEXT NOT NULL, result TEXT NOT NULL DEFAULT 'pending', expires_at REAL NOT NULL
) WITHOUT ROWID;
"""
SECONDS = 600
OUTCOMES = "declined|not_alive"


def create_app() -> Starlette:
    routes = [
        Route("/sessions", open_session, methods=["POST"]),
        Route("/captures", capture, methods=["POST"]),
        Route("/results", show_result, methods=["POST"]),
    ]
    return application(open_state("faces", SCHEMA), routes, Faults("other_subject", "expired"))


async def open_session(request: Request) -> Response:
    """The same order gets the same session; another name or number under it is refused."""
    await request.app.state.faults.delay_or_refuse()
    body = parse(await request.body())
    order, name = text(body, "order_id", r"[0-9a-f-]{36}"), text(body, "name", r".{1,100}")
    id_number, db = text(body, "id_number", r"[0-9]{17}[0-9X]"), request.app.state.db
    new = (secrets.token_urlsafe(24), order, secrets.token_urlsafe(24), name, id_number, time.time() + SECONDS)
    db.execute(
        "INSERT INTO sessions (session_id, order_id, sdk_token, name, id_number, expires_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        new,
    )
    session = db.execute("SELECT * FROM sessions WHERE order_id = ?", (order,)).fetchone()
    if (session["name"], session["id_number"]) != (name, id_number):
        raise Refused(409, "order_reused", "This order was about somebody else.")
    return JSONResponse({"session_id": session["session_id"], "sdk_token": session["sdk_token"]})


async def capture(request: Request) -> Response:
    """A face before the camera: `face_of` is the ID number of whose it is, `outcome` what else happens."""
    only_from_this_machine(request)
    body = parse(await request.body())
    token, db = text(body, "sdk_token"), request.app.state.db
    session = db.execute("SELECT * FROM sessions WHERE sdk_token = ?", (token,)).fetchone()
    if session is None:
        raise Refused(404, "unknown_token", "There is no such token.")
    if session["expires_at"] <= time.time():
        raise Refused(409, "token_expired", "The token has expired.")
    if "outcome" in body:
        result = text(body, "outcome", OUTCOMES)
    else:
        is_theirs = text(body, "face_of") == session["id_number"]
        result = "passed" if is_theirs else "other_person"
    used = db.execute(
        "UPDATE sessions SET result = ? WHERE sdk_token = ? AND result = 'pending'", (result, token)
    ).rowcount
    if not used:
        raise Refused(409, "token_used", "The token has been used.")
    return JSONResponse({"done": True})


async def show_result(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    session_id, db = text(parse(await request.body()), "session_id"), request.app.state.db
    session = db.execute("SELECT * FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    if session is None:
        raise Refused(404, "unknown_session", "There is no such session.")
    answer = {name: session[name] for name in ("order_id", "result", "name", "id_number")}
    if answer["result"] == "pending" and session["expires_at"] <= time.time():
        answer["result"] = "expired"
    if request.app.state.faults.take("expired"):
        answer["result"] = "expired"
    if request.app.state.faults.take("other_subject"):
        answer |= {"order_id": str(uuid.uuid4()), "result": "passed"}
    return JSONResponse(answer)
