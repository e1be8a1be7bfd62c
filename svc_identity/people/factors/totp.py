"""Codes of authenticator apps (RFC 6238): six digits that change each 30 seconds; one step of clock skew is allowed."""

import hmac
from datetime import datetime

import pyotp

SECONDS, DIGITS, SKEW = 30, 6, 1
ISSUER = "我的伊犁"


def new_secret() -> str:
    """A new key, 160 bits in base32."""
    return pyotp.random_base32(32)


def address_of(secret: str, label: str) -> str:
    """What the QR code for an authenticator app holds."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=SECONDS).provisioning_uri(name=label, issuer_name=ISSUER)


def step_of(secret: str, typed: str, at: datetime, *, after: int | None) -> int | None:
    """The time step of a code that is good at that time and later than the last one used, else None."""
    codes = pyotp.TOTP(secret, digits=DIGITS, interval=SECONDS)
    now = int(at.timestamp()) // SECONDS
    found = None
    for step in range(now - SKEW, now + SKEW + 1):  # all of them, so that the time taken says nothing
        if hmac.compare_digest(codes.generate_otp(step).encode(), typed.encode()) and (after is None or step > after):
            found = step
    return found
