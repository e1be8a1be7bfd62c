"""The page on which anyone verifies a paper: server-rendered, needs no script, loads nothing."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
Line = tuple[str, str]
"""A label and a value."""


def verification_page(
    text: Mapping[str, str],
    typed: str,
    lines: Sequence[Line],
    *,
    verdict: str,
    mood: Literal["good", "back"] = "good",
    status: int = 200,
) -> HTMLResponse:
    """The form, and above it what a typed code says.

    Args:
        text: of the page, in the reader's language.
        typed: the code; empty before one is typed.
        lines: what the paper with the code says; none where there is no such paper.
        verdict: the sentence about that paper.
        mood: `back` where its money went back.
        status: of the answer.
    """
    nonce = secrets.token_urlsafe(16)
    content = _TEMPLATES.get_template("verify.html").render(
        text=text, nonce=nonce, typed=typed, lines=lines, verdict=verdict, mood=mood
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
