"""The pages of signing in: server-rendered HTML that needs no script, in every language that has a file in `texts/`."""

import math
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.ways import WayOn
from svc_identity.texts import choose_language, languages

_HERE = Path(__file__).parent
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)
_MINUTE, _HOUR = 60, 3_600


def page(
    template: str,
    language: str,
    *,
    status: int = 200,
    refused: Refused | None = None,
    redirect_uri: str = "",
    script: bool = False,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> HTMLResponse:
    """A page that no cache keeps, no frame shows, and that loads nothing."""
    nonce = secrets.token_urlsafe(16)
    # A sign-in begun by the release before this one may hold `kk`.
    texts = languages()[choose_language(language, "")]
    content = _TEMPLATES.get_template(template).render(
        language=texts["tag"],
        direction=texts["direction"],
        text=texts,
        nonce=nonce,
        problem=sentence(texts, refused) if refused else "",
        **values,
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": texts["tag"],
        "Content-Security-Policy": _policy(nonce, redirect_uri, script=script),
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",  # browsers heed it over https only (RFC 6797, 8.1)
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if refused and refused.wait is not None:
        headers["Retry-After"] = f"{refused.wait}"
    return HTMLResponse(content, refused.status if refused else status, headers)


def _policy(nonce: str, redirect_uri: str, *, script: bool) -> str:
    # Browsers apply form-action to where a form's answer redirects as well, so the app's address has to be in it.
    target = urlsplit(redirect_uri)
    app = f"{target.scheme}://{target.netloc}" if target.scheme in {"http", "https"} else f"{target.scheme}:"
    scripts = f" script-src 'nonce-{nonce}';" if script else ""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}';{scripts} img-src data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self'{f' {app}' if redirect_uri else ''}"
    )


def refusal_page(
    language: str, text: str, way_on: WayOn, *, status: int, error: str = "", refused: Refused | None = None
) -> HTMLResponse:
    """The page where a sign-in cannot go on, with a way to another one.

    Args:
        language: of the page.
        text: the name of the sentence that says why.
        way_on: where its link leads.
        status: of the answer.
        error: OAuth's own code, for the developers of the app.
        refused: the refusal, where it is one of a step.
    """
    return page("refused.html", language, status=status, refused=refused, reason=text, way_on=way_on, error=error)


def sentence(texts: dict[str, str], refused: Refused) -> str:
    """Why a step is refused, in the words of a language."""
    return texts[refused.text].format(**refused.values, wait=after(texts, refused.wait or 0))


def wait_in(language: str, seconds: int | None) -> str:
    """A waiting time in a language; nothing where there is none."""
    return after(languages()[choose_language(language, "")], seconds) if seconds else ""


def after(texts: dict[str, str], seconds: int) -> str:
    """A waiting time, rounded up to the unit that people would say."""
    if seconds < _MINUTE:
        return texts["after_seconds"].format(count=seconds)
    if seconds < 2 * _HOUR:
        return texts["after_minutes"].format(count=math.ceil(seconds / _MINUTE))
    return texts["after_hours"].format(count=math.ceil(seconds / _HOUR))
