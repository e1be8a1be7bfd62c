"""The page on which anyone verifies a paper: server-rendered, needs no script, loads nothing."""

import secrets
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from svc_services.cases.papers import schemas
from svc_services.cases.papers.texts import words_in

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


def page(
    language: str, *, typed: str = "", found: schemas.PaperVerification | None = None, status: int = 200
) -> HTMLResponse:
    """The form, and under it what a typed code says."""
    nonce, text = secrets.token_urlsafe(16), words_in(language)
    lines = _lines(found, text) if found else []
    content = _TEMPLATES.get_template("verify.html").render(
        text=text, nonce=nonce, typed=typed, found=found, lines=lines
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": text["tag"],
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
            "form-action 'self'"
        ),
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(content, status, headers)


def _lines(found: schemas.PaperVerification, text: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (text["paper"], text[f"paper_{found.kind}"]),
        (text["case_number"], str(found.case_number)),
        (text["application"], text[f"kind_{found.application_kind}"]),
        (text["issuer"], found.issuer),
        (text["issued_on"], f"{found.issued_on:%Y-%m-%d}"),
        (text["file_hash"], found.sha256),
    ]
