"""The pages of signing in: server-rendered HTML that needs no script, in every language that has a file in `texts/`."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from svc_identity.texts import choose_language, languages

_HERE = Path(__file__).parent
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def page(
    template: str,
    language: str,
    *,
    status: int = 200,
    redirect_uri: str = "",
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> HTMLResponse:
    """A page that no cache keeps, no frame shows, and that loads nothing."""
    nonce = secrets.token_urlsafe(16)
    # A sign-in begun by the release before this one may hold `kk`.
    texts = languages()[choose_language(language, "")]
    content = _TEMPLATES.get_template(template).render(
        language=texts["tag"], direction=texts["direction"], text=texts, nonce=nonce, **values
    )
    # Browsers apply form-action to where a form's answer redirects as well, so the app's address has to be in it.
    target = urlsplit(redirect_uri)
    app = f"{target.scheme}://{target.netloc}" if target.scheme in {"http", "https"} else f"{target.scheme}:"
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": texts["tag"],
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self'{f' {app}' if redirect_uri else ''}"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return HTMLResponse(content, status, headers)
