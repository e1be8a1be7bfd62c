"""Kafka's request that sets a user's SCRAM-SHA-512 password, which aiokafka does not have (KIP-554)."""

import hashlib
import secrets
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

ITERATIONS = 8_192
_SCRAM_SHA_512 = 2
_SALT_BYTES = 32
_API_KEY = 51


class _AlterScramResponse(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = _API_KEY
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString()),
                ("error_code", Int16),
                ("error_message", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterScramRequest(RequestStruct):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = _API_KEY
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _AlterScramResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", CompactString()), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString()),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterScramRequest(Request[_AlterScramRequest]):  # type: ignore[misc]  # aiokafka ships no types
    """Only the salted password travels, and Kafka keeps keys derived from it."""

    API_KEY = _API_KEY

    def __init__(self, user: str, password: str) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
        self._upsertion: tuple[Any, ...] = (user, _SCRAM_SHA_512, ITERATIONS, salt, salted, {})

    def build(self, request_struct_class: type[_AlterScramRequest]) -> _AlterScramRequest:
        return request_struct_class([], [self._upsertion], {})
