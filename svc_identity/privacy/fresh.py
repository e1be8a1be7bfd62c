"""Operations that take a sign-in of the last minutes: a phone left on a table must not be enough for them."""

from datetime import timedelta

from fastapi import Request

from chassis.db import now
from chassis.tokens import TokenInvalid, Unauthenticated, presented_token
from svc_identity.oauth import access_tokens
from svc_identity.oauth.issuer import Issuer

FRESH = timedelta(minutes=10)


class SignInTooOld(Unauthenticated):
    """The person has to sign in again (RFC 9470); the app asks for it with `max_age` in the authorization request."""

    code = "insufficient_user_authentication"
    reason = (
        'Bearer realm="myili", error="insufficient_user_authentication", '
        f'error_description="sign in again", max_age="{int(FRESH.total_seconds())}"'
    )


def require_fresh_sign_in(request: Request) -> None:
    """Refuse a token whose sign-in is older than ten minutes.

    Raises:
        SignInTooOld, TokenInvalid
    """
    issuer: Issuer = request.app.state.issuer
    _scheme, token = presented_token(request)
    claims = access_tokens.read(issuer, token)
    if claims is None:
        raise TokenInvalid
    if now().timestamp() - claims["auth_time"] > FRESH.total_seconds():
        raise SignInTooOld
