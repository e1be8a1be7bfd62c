"""Answering with a package or a part of it: streamed from the store, with what a client needs to check it."""

import base64
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from obstore.store import ObjectStore

from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package
from svc_miniapps.packages.ranges import Conditions

MEDIA_TYPE = "application/miniapp-pkg+zip"
IMMUTABLE = "public, max-age=31536000, immutable"
"""For bytes whose address holds their digest: they never change."""
SIGNATURE = "Package-Signature"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HEADERS = {
    "Repr-Digest": {"description": "sha-256 of the whole file (RFC 9530).", "schema": {"type": "string"}},
    "ETag": {"schema": {"type": "string"}},
}


def responses_with(media_type: str, **more: object) -> dict[int | str, dict[str, Any]]:
    """The answers of a download with ranges, and the descriptions of further headers."""
    whole = {**_HEADERS, **more}
    part = {"Content-Range": {"description": "Which bytes, of how many.", "schema": {"type": "string"}}, **whole}
    return {
        200: {"description": "The whole file.", "content": {media_type: _BINARY}, "headers": whole},
        206: {"description": "The range that was asked for.", "content": {media_type: _BINARY}, "headers": part},
        304: {"description": "The client has this already."},
    }


_SIGNATURE = {
    "description": "The platform's statement of the package, a compact JWS as the catalogue has it.",
    "schema": {"type": "string"},
}
SIGNED_RESPONSES = responses_with(MEDIA_TYPE, **{SIGNATURE: _SIGNATURE})
PACKAGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The package, byte for byte as it was uploaded.",
        "content": {MEDIA_TYPE: _BINARY},
        "headers": _HEADERS,
    }
}


@dataclass(frozen=True)
class Stored:
    """A file in the object store, and how it is sent."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str
    name: str


def etag_of_package(sha256: str) -> str:
    return f'"{sha256}"'


async def stored_response(
    objects: ObjectStore, stored: Stored, conditions: Conditions, *, cache_control: str, signature: str | None = None
) -> Response:
    """A stored file or the part that the conditions name.

    Raises:
        EditedMeanwhile, RangeNotSatisfiable
    """
    etag = etag_of_package(stored.sha256)
    headers = {"ETag": etag, "Cache-Control": cache_control, "Accept-Ranges": "bytes"}
    if conditions.has_all(etag):
        return Response(status_code=304, headers=headers)
    part = conditions.part_of(etag, stored.size_bytes)
    digest = base64.b64encode(bytes.fromhex(stored.sha256)).decode()
    start, end = (part.start, part.end) if part else (0, stored.size_bytes)
    headers |= {
        "Content-Length": str(end - start),
        "Content-Disposition": f'attachment; filename="{stored.name}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "X-Content-Type-Options": "nosniff",
    }
    if signature:
        headers[SIGNATURE] = signature
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size_bytes}"
    content = await store.stream(objects, stored.key, (start, end) if part else None)
    return StreamingResponse(content, 206 if part else 200, headers=headers, media_type=stored.media_type)


async def package_response(
    objects: ObjectStore,
    package: Package,
    conditions: Conditions = Conditions(),  # noqa: B008 - frozen
    *,
    cache_control: str = "no-store",
    signature: str | None = None,
) -> Response:
    """The package or the part that the conditions name.

    Raises:
        EditedMeanwhile, RangeNotSatisfiable
    """
    name = f"{package.app_id}-{package.version_code}.ma"
    stored = Stored(package.object_key, package.sha256, package.size_bytes, MEDIA_TYPE, name)
    return await stored_response(objects, stored, conditions, cache_control=cache_control, signature=signature)
