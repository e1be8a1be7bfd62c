"""Authentication contexts: how strong a sign-in was, by the methods that it used (`acr` by `amr`)."""

from collections.abc import Sequence

from chassis.auth import TWO_FACTORS

ONE_FACTOR = "urn:myili:sign-in:one-factor"
ALL = (ONE_FACTOR, *TWO_FACTORS)
LEVEL_THREE = "urn:myili:identity:level-3"
"""Asks for a person at assurance level 3; nobody is refused without. `assurance_level` of the token says what is, as
`acr` says how somebody signed in and nothing of who they are."""

BY_SMS = ("otp", "sms")
BY_SMS_AND_CODE = ("otp", "sms", "mfa")
BY_SMS_AND_PASSKEY = ("otp", "sms", "swk", "mfa")
BY_SMS_AND_PASSWORD = ("otp", "sms", "pwd", "mfa")
BY_PASSKEY = ("swk", "user", "mfa")
"""The device has checked who uses the passkey, so it is two factors at once."""
_KEYS = {"swk", "hwk"}


def acr_of(amr: Sequence[str]) -> str:
    """The context of a sign-in by these methods (RFC 8176)."""
    two_factors, phishing_resistant = TWO_FACTORS
    if "mfa" not in amr:
        return ONE_FACTOR
    return phishing_resistant if _KEYS & set(amr) else two_factors


def wanted_of(acr_values: str) -> set[str]:
    """The contexts that satisfy an app which asks for these; none where any sign-in does.

    A stronger one satisfies as well. Values that are not ours ask for nothing (OpenID Connect Core, 3.1.2.1).
    """
    asked = [value for value in acr_values.split() if value in ALL]
    if not asked or ONE_FACTOR in asked:
        return set()
    return set(TWO_FACTORS) if TWO_FACTORS[0] in asked else {TWO_FACTORS[1]}
