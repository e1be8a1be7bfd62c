"""The browser a sign-in belongs to: a signed cookie, and the token each form carries to prove it is ours.

The cookie stays after the sign-in, so that the browser is known to its phone when its owner comes back. It signs nobody
in.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request, Response

from svc_identity.keys import derive
from svc_identity.settings import Settings

COOKIE = "myili-sign-in"
PATH = "/identity/v1/oauth/authorize"
COOKIE_LIFE = timedelta(days=400)
"""From the last visit; browsers keep none longer (RFC 6265bis, 5.5)."""


@dataclass(frozen=True)
class Browser:
    secret: str
    mac: str
    secure: bool

    @property
    def fingerprint(self) -> bytes:
        """What a sign-in remembers of its browser."""
        return hashlib.sha256(self.secret.encode()).digest()

    @property
    def form_token(self) -> str:
        """Goes into forms as CSRF protection: another site can neither read it nor set the cookie."""
        return hashlib.sha256(f"form\n{self.mac}".encode()).hexdigest()

    def sent(self, form_token: str) -> bool:
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())

    def remember(self, response: Response) -> None:
        value = f"{self.secret}.{self.mac}"
        seconds = int(COOKIE_LIFE.total_seconds())
        response.set_cookie(
            COOKIE, value, max_age=seconds, path=PATH, httponly=True, samesite="lax", secure=self.secure
        )


def browser_of(request: Request) -> Browser | None:
    """The browser of a request, or None when it shows no cookie that we signed."""
    settings: Settings = request.app.state.settings
    secret, _, mac = request.cookies.get(COOKIE, "").partition(".")
    known = _browser(settings, secret)
    return known if secret and hmac.compare_digest(known.mac.encode(), mac.encode()) else None


def new_browser(settings: Settings) -> Browser:
    return _browser(settings, secrets.token_urlsafe(24))


def _browser(settings: Settings, secret: str) -> Browser:
    key = derive(settings.index_key.get_secret_value(), "sign-in cookie")
    mac = hmac.new(key, secret.encode(), "sha256").hexdigest()
    return Browser(secret, mac, secure=settings.public_url.startswith("https://"))
