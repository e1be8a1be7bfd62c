"""A national network identity service without a state: `/authorize` stands for its app on a phone.

Whoever confirms there has a certificate under the first name that is used with an ID number. The platform gets a code,
good once and in its session only, and for it a number that is the person's at this platform and holds nothing of them.
"""

import secrets
import time
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import Faults, Json, Refused, application, open_state, parse, text

SCHEMA = """
CREATE TABLE IF NOT EXISTS certificates (
    id_number TEXT PRIMARY KEY, name TEXT NOT NULL, network_number TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, redirect_uri TEXT NOT NULL, state TEXT NOT NULL,
    expires_at REAL NOT NULL, code TEXT, id_number TEXT, redeemed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""
SECONDS = 600
ID_NUMBER = r"[0-9]{17}[0-9X]"
PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>国家网络身份认证(沙箱)</title>
<h1>国家网络身份认证(沙箱)</h1><form method="post" action="/authorize"><input type="hidden" name="session" value="{0}">
<p><label>姓名 <input name="name" required></label></p><p><label>证件号码 <input name="id_number" required></label></p>
<p><button name="decision" value="confirm">确认</button> <button name="decision" value="decline" formnovalidate>取消
</button></p></form></html>"""


def create_app() -> Starlette:
    routes = [
        Route("/sessions", open_session, methods=["POST"]),
        Route("/authorize", show_page, methods=["GET"]),
        Route("/authorize", decide, methods=["POST"]),
        Route("/results", redeem, methods=["POST"]),
        Route("/comparisons", compare, methods=["POST"]),
    ]
    return application(open_state("network_identity", SCHEMA), routes, Faults("other_order"))


async def open_session(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    body = parse(await request.body())
    order, back = text(body, "order_id", r"[0-9a-f-]{36}"), text(body, "redirect_uri", r"[!-~]{1,2000}")
    state = text(body, "state", r"[A-Za-z0-9._~-]{16,200}")
    new = (secrets.token_urlsafe(24), order, back, state, time.time() + SECONDS)
    db = request.app.state.db
    if not db.execute(
        "INSERT INTO sessions (session_id, order_id, redirect_uri, state, expires_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        new,
    ).rowcount:
        raise Refused(409, "order_reused", "This order has a session.")
    address = f"{request.base_url}authorize?{urlencode({'session': new[0]})}"
    return JSONResponse({"session_id": new[0], "address": address})


async def show_page(request: Request) -> Response:
    return HTMLResponse(PAGE.format(escape(request.query_params.get("session", ""))))


async def decide(request: Request) -> Response:
    """The person confirms with their certificate, or declines; the browser goes back to the platform or its app."""
    body: Json = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    session, db = _session(request, text(body, "session")), request.app.state.db
    if session["expires_at"] <= time.time() or session["code"] is not None:
        raise Refused(409, "session_over", "This session is over.")
    answer = {"state": session["state"], "error": "access_denied"}
    if text(body, "decision", "confirm|decline") == "confirm":
        name, id_number = text(body, "name", r".{1,100}").strip(), text(body, "id_number", ID_NUMBER)
        new = (id_number, name, secrets.token_hex(16))
        db.execute("INSERT INTO certificates VALUES (?, ?, ?) ON CONFLICT DO NOTHING", new)
        known = db.execute("SELECT name FROM certificates WHERE id_number = ?", (id_number,)).fetchone()
        if known["name"] != name:
            raise Refused(409, "no_certificate", "This number has a certificate under another name.")
        answer = {"state": session["state"], "code": secrets.token_urlsafe(24)}
        confirmed = (answer["code"], id_number, session["session_id"])
        db.execute("UPDATE sessions SET code = ?, id_number = ? WHERE session_id = ?", confirmed)
    joint = "&" if "?" in session["redirect_uri"] else "?"
    return RedirectResponse(f"{session['redirect_uri']}{joint}{urlencode(answer)}", 303)


async def redeem(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    body, db = parse(await request.body()), request.app.state.db
    session = _session(request, text(body, "session_id"))
    by_code = (session["session_id"], text(body, "code"), time.time())
    redeemed = db.execute(
        "UPDATE sessions SET redeemed = 1 WHERE session_id = ? AND code = ? AND redeemed = 0 AND expires_at > ?",
        by_code,
    ).rowcount
    if not redeemed:
        return JSONResponse({"result": "refused"})
    person = db.execute("SELECT * FROM certificates WHERE id_number = ?", (session["id_number"],)).fetchone()
    order = session["order_id"]
    if request.app.state.faults.take("other_order"):
        order = order[::-1].translate(str.maketrans("", "", "-")).ljust(32, "0")
    return JSONResponse({"result": "passed", "order_id": order, "network_number": person["network_number"]})


async def compare(request: Request) -> Response:
    """Whether the person of a redeemed session has this name and number. It is never answered what they are."""
    await request.app.state.faults.delay_or_refuse()
    body, db = parse(await request.body()), request.app.state.db
    session = _session(request, text(body, "session_id"))
    if not session["redeemed"]:
        raise Refused(409, "not_redeemed", "The code of this session has not been redeemed.")
    person = db.execute("SELECT * FROM certificates WHERE id_number = ?", (session["id_number"],)).fetchone()
    asked = text(body, "id_number", ID_NUMBER), text(body, "name", r".{1,100}").strip()
    return JSONResponse({"matches": asked == (person["id_number"], person["name"])})


def _session(request: Request, session_id: str) -> Json:
    found = request.app.state.db.execute("SELECT * FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    if found is None:
        raise Refused(404, "unknown_session", "There is no such session.")
    return dict(found)
