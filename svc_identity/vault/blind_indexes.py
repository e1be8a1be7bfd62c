"""Blind indexes: equal personal values are found by a keyed hash, whose key can change while the service runs.

Stored is the key's id (4 bytes) and the hash (32); only the hash where the key is `index_key`, as it was before there
were others. While two keys are known, one value has two forms: a lookup finds either, and what is written has the
first key's. Of one value the database holds one form at a time, which `reindexing.settle` sees to.
"""

import hashlib
import hmac
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from svc_identity.keys import derive, read_key
from svc_identity.settings import Settings

DIGEST_BYTES = 32
_KEY_ID_BYTES = 4
_LOCK_BYTES = 8


@dataclass(frozen=True)
class IndexKey:
    """One of the keys that this process knows."""

    encoded: str = field(repr=False)
    id: bytes
    prefix: bytes
    """With which its indexes begin."""

    def index(self, place: str, value: str) -> bytes:
        return self.prefix + hmac.digest(derive(self.encoded, f"index of {place}"), value.encode(), "sha256")


@dataclass
class _Keys:
    # Kept per process, as those of encrypted columns.
    known: list[IndexKey] = field(default_factory=list)
    """The first one is that of what is written."""
    of_secrets: str = field(default="", repr=False)
    """`index_key`, under which the oldest indexes are."""


_keys = _Keys()


def use_keys(settings: Settings) -> None:
    """Give this process the keys of its indexes."""
    _keys.of_secrets = settings.index_key.get_secret_value()
    listed = settings.blind_index_keys.get_secret_value() or _keys.of_secrets
    _keys.known = [_known(encoded.strip()) for encoded in listed.split(",")]


def _known(encoded: str) -> IndexKey:
    key_id = _id_of(encoded)
    return IndexKey(encoded, key_id, b"" if key_id == oldest_key_id() else key_id)


def _id_of(encoded: str) -> bytes:
    return hashlib.sha256(b"blind index " + read_key(encoded)).digest()[:_KEY_ID_BYTES]


def oldest_key_id() -> bytes:
    """The id of `index_key`, whose indexes do not name it."""
    return _id_of(_keys.of_secrets)


def known_keys() -> list[IndexKey]:
    """The keys of this process, that of what is written first."""
    return _keys.known


class Index(bytes):
    """A blind index under the key of what is written; equal to what the other keys make of the same value."""

    place: str
    others: tuple[bytes, ...]
    lock: int
    """The number of an advisory lock: the same in every process that knows the same keys, whichever is first."""

    __hash__ = bytes.__hash__

    def __eq__(self, other: object) -> bool:
        return bytes.__eq__(self, other) is True or other in self.others

    def __ne__(self, other: object) -> bool:
        return not self == other


def blind_index(place: str, value: str) -> Index:
    """A hash by which equal values are found; without the key it cannot be tried against guesses."""
    forms = {key.id: key.index(place, value) for key in _keys.known}
    first, *others = forms.values()
    index = Index(first)
    index.place, index.others, index.lock = place, tuple(others), _number(forms[min(forms)])
    return index


def lock_of(index: bytes) -> int:
    """A blind index as the number of an advisory lock."""
    return index.lock if isinstance(index, Index) else _number(index)


def _number(form: bytes) -> int:
    return int.from_bytes(form[-DIGEST_BYTES:][:_LOCK_BYTES], "big", signed=True)


def keyed_hash(place: str, code: str) -> bytes:
    """A hash of a random code, under the key that never changes: it is good once, and says nothing of anybody."""
    return hmac.digest(derive(_keys.of_secrets, f"index of {place}"), code.encode(), "sha256")


class BlindIndex(TypeDecorator[bytes]):
    """A column of blind indexes; `of` says of what, the same in all columns of the same values."""

    impl = LargeBinary
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[bytes]):
        """Compares with an `Index` by all its forms."""

        def operate(self, op: Callable[..., Any], *other: Any, **kwargs: Any) -> ColumnElement[Any]:  # noqa: ANN401 - SQLAlchemy's
            index = other[0] if other else None
            if op in (operator.eq, operator.ne) and isinstance(index, Index) and index.others:
                forms = [bytes(index), *index.others]
                return self.expr.in_(forms) if op is operator.eq else self.expr.not_in(forms)
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's
        return None if value is None else bytes(value)
