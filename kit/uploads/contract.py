"""The header fields of uploads as the contracts describe them: parameters of requests, headers of answers."""

from typing import Any, TypeAlias

from kit.uploads.headers import PARTIAL

Json: TypeAlias = dict[str, Any]

_BYTES: Json = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
_BOOLEAN: Json = {"type": "string", "enum": ["?0", "?1"]}
_DIGEST: Json = {"type": "string", "maxLength": 1000}
_A_DIGEST = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


def _parameter(name: str, description: str, schema: Json, example: object, *, required: bool = False) -> Json:
    shown = {"name": name, "in": "header", "required": required, "description": description}
    return shown | {"schema": schema, "example": example}


def _header(description: str, schema: Json, example: object) -> Json:
    return {"description": description, "schema": schema, "example": example}


CONTENT_DIGEST = _parameter(
    "Content-Digest", "The digest of the bytes of this request (RFC 9530); its sha-256 is checked.", _DIGEST, _A_DIGEST
)
REPR_DIGEST = _parameter(
    "Repr-Digest", "The digest of the whole file (RFC 9530); its sha-256 is checked.", _DIGEST, _A_DIGEST
)
UPLOAD_LENGTH = _parameter(
    "Upload-Length", "The bytes of the whole file; every request that says it says the same.", _BYTES, 1_048_576
)
BEGIN = [
    _parameter(
        "Upload-Complete",
        "`?0`: this is the beginning of the file, or nothing of it yet. Without it the body is the whole file.",
        _BOOLEAN,
        "?0",
    ),
    UPLOAD_LENGTH,
    REPR_DIGEST,
    CONTENT_DIGEST,
]
"""Of a request that sends a whole file or begins an upload."""

_OFFSET = _header("How many bytes are stored: where the next request begins.", _BYTES, 524_288)
_COMPLETE = _header("`?1` once all bytes are here.", _BOOLEAN, "?0")
STATE: Json = {
    "Upload-Offset": _OFFSET,
    "Upload-Complete": _COMPLETE,
    "Upload-Length": _header("The bytes of the whole file, once they were said.", _BYTES, 1_048_576),
    "Upload-Limit": _header(
        "The largest file and request in bytes, and for how many seconds the upload is kept.",
        {"type": "string"},
        "max-size=104857600, max-append-size=104857600, max-age=86400",
    ),
}
"""Of an answer that says where to resume."""

OFFSET_ANSWER: dict[int | str, Json] = {204: {"description": "The offset is in the headers.", "headers": STATE}}
APPENDED: dict[int | str, Json] = {
    200: {"description": "The file is complete.", "headers": {"Upload-Complete": _COMPLETE | {"example": "?1"}}},
    204: {
        "description": "The bytes are stored; the file is not complete yet.",
        "headers": {"Upload-Offset": _OFFSET, "Upload-Complete": _COMPLETE},
    },
    "default": {
        "headers": {
            "Upload-Offset": _header("With 409 `upload_offset_mismatch`: where to go on.", _BYTES, 524_288),
            "Upload-Complete": _header("With a refusal of bytes that were all stored, `?1`.", _BOOLEAN, "?0"),
        }
    },
}
"""Answers to a request that appends bytes."""


def appending(most_bytes: int) -> Json:
    """What FastAPI cannot see of an operation that appends bytes to an upload."""
    return {
        "parameters": [
            _parameter("Upload-Offset", "Where these bytes begin in the file.", _BYTES, 524_288, required=True),
            _parameter("Upload-Complete", "`?1` in the last request, else `?0`.", _BOOLEAN, "?1", required=True),
            UPLOAD_LENGTH,
            CONTENT_DIGEST,
        ],
        "requestBody": {
            "required": True,
            "description": "The next bytes of the file.",
            "content": {PARTIAL: {"schema": {"type": "string", "format": "binary"}}},
        },
        "x-max-body-bytes": most_bytes,
        "x-timeout-seconds": 600,
    }
