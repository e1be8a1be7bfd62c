"""Until when a provider's keys are good. They stand beside the key, and travel with it in events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.db import now
from kit.key_sets import kids_by_thumbprint
from kit.key_terms import in_force, is_in_force, valid_from, valid_until
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections import refusals, schemas

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_AGO = timedelta(days=1)
"""How far back a key may begin: nobody signed with it before it was added."""


def seconds(moment: datetime) -> int:
    """A time as keys have it.

    Raises:
        KeyTermsRefused: clocks of companies may not know it.
    """
    if not _FIRST < moment < _LAST:
        raise refusals.KeyTermsRefused
    return int(moment.timestamp())


def members(new: schemas.KeyAddition) -> dict[str, int]:
    """What says in a key from when until when it is good.

    Raises:
        KeyTermsRefused
    """
    stated = {"nbf": new.valid_from, "exp": new.valid_until}
    terms = {name: seconds(moment) for name, moment in stated.items() if moment is not None}
    if new.valid_from is not None and new.valid_from < now() - _AGO:
        raise refusals.KeyTermsRefused
    require_future_end(terms)
    return terms


def require_future_end(key: dict[str, Any]) -> None:
    """Refuse a key that can never sign.

    Raises:
        KeyTermsRefused
    """
    begins, ends = valid_from(key) or now(), valid_until(key)
    if ends is not None and not max(begins, now()) < ends:
        raise refusals.KeyTermsRefused


def thumbprints_in_force(provider: Provider) -> dict[str, str]:
    """The kids of the keys that may sign now, by thumbprint."""
    return kids_by_thumbprint(in_force(provider.jwks, now()))


def limit(provider: Provider, kid: str, ends: int) -> None:
    """Let a key end at a time, for which another key must be good.

    Raises:
        UnknownKey, KeyTermsRefused, LastKey
    """
    keys = provider.jwks["keys"]
    if kid not in {key["kid"] for key in keys}:
        raise refusals.UnknownKey(kid=kid)
    limited = [{**key, "exp": ends} if key["kid"] == kid else key for key in keys]
    require_future_end(next(key for key in limited if key["kid"] == kid))
    end = datetime.fromtimestamp(ends, UTC)
    if not any(is_in_force(key, end) for key in limited):
        raise refusals.LastKey
    provider.jwks = {"keys": limited}
