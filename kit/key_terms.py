"""Keys that are good for a time: a JWK has `nbf` and `exp` then, in seconds since 1970, as JWTs have them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

JsonKey = dict[str, Any]


def valid_from(key: Mapping[str, Any]) -> datetime | None:
    return _time(key.get("nbf"))


def valid_until(key: Mapping[str, Any]) -> datetime | None:
    return _time(key.get("exp"))


def is_in_force(key: Mapping[str, Any], at: datetime) -> bool:
    """Whether a key may sign at a time; one without times may at any."""
    begins, ends = valid_from(key), valid_until(key)
    return (begins is None or begins <= at) and (ends is None or at < ends)


def in_force(jwks: Mapping[str, Any], at: datetime) -> dict[str, list[JsonKey]]:
    """The keys of a set that may sign at a time."""
    return {"keys": [key for key in jwks["keys"] if is_in_force(key, at)]}


def has_sound_terms(key: Mapping[str, Any]) -> bool:
    """Whether its times, if it has any, are whole seconds that a clock can show."""
    try:
        valid_from(key), valid_until(key)
    except (TypeError, ValueError, OverflowError, OSError):
        return False
    return True


def _time(seconds: object) -> datetime | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise TypeError(seconds)
    return datetime.fromtimestamp(seconds, UTC)
