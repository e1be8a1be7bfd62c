"""EC P-256 keys that sign by a schedule, which stands beside each key in one PEM text (0099)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
_EVER = datetime.min.replace(tzinfo=UTC)
_SIGNS_FROM = "Signs-From: "
_NOT_KEYS = "must be EC P-256 private keys in PEM"
_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class SigningKey:
    key: ECKey
    signs_from: datetime
    """It is published before, and for a time from when the next one signs."""

    def write(self) -> str:
        pem = self.key.as_pem(private=True).decode()
        return pem if self.signs_from == _EVER else f"{_SIGNS_FROM}{self.signs_from:%Y-%m-%dT%H:%M:%SZ}\n{pem}"


def read_signing_keys(pem: str) -> list[SigningKey]:
    """The EC P-256 private keys of a PEM text, in its order.

    A line `Signs-From: 2026-12-01T09:00:00Z` before a key is the schedule; RFC 7468 allows such text there.

    Raises:
        ValueError: there is none, or a key of another kind, or a time that cannot be read.
    """
    keys, position = [], 0
    for block in _PEM_BLOCK.finditer(pem):
        before, position = pem[position : block.start()], block.end()
        stated = [line.removeprefix(_SIGNS_FROM) for line in before.splitlines() if line.startswith(_SIGNS_FROM)]
        keys.append(SigningKey(_read_ec_key(block.group()), _read_time(stated[-1]) if stated else _EVER))
    if not keys:
        raise ValueError(_NOT_KEYS)
    return keys


def _read_ec_key(block: str) -> ECKey:
    try:
        key = ECKey.import_key(block, {"use": "sig", "alg": ALGORITHM})
    except (JoseError, ValueError, TypeError):
        raise ValueError(_NOT_KEYS) from None
    if not key.is_private or key.curve_name != "P-256":
        raise ValueError(_NOT_KEYS)
    key.ensure_kid()
    return key


def _read_time(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("Signs-From must be a time in UTC, such as 2026-12-01T09:00:00Z") from None


def signing_at(keys: Sequence[SigningKey], moment: datetime) -> SigningKey:
    """The key that signs: the one whose time came last; the first of the text while none has a time.

    Raises:
        ValueError: the time of none has come.
    """
    begun = [each for each in keys if each.signs_from <= moment]
    if not begun:
        raise ValueError("one of the keys must sign already")
    return max(begun, key=lambda each: each.signs_from)


def published_at(keys: Sequence[SigningKey], moment: datetime, retired_after: timedelta) -> list[SigningKey]:
    """The keys that others need: that which signs, those that will, and those that signed until not long ago."""
    old = [each for each in keys if each.signs_from <= moment - retired_after]
    oldest = signing_at(old, moment).signs_from if old else _EVER
    return [each for each in keys if each.signs_from >= oldest]
