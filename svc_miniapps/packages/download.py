"""Answering with a package: streamed from the store, with what a client needs to check it."""

import base64
from typing import Any

from fastapi.responses import StreamingResponse
from obstore.store import ObjectStore

from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package

MEDIA_TYPE = "application/miniapp-pkg+zip"
PACKAGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The package, byte for byte as it was uploaded.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            "Repr-Digest": {"description": "sha-256 of the file (RFC 9530).", "schema": {"type": "string"}},
            "ETag": {"schema": {"type": "string"}},
        },
    }
}


def etag_of_package(sha256: str) -> str:
    return f'"{sha256}"'


async def package_response(
    objects: ObjectStore, package: Package, *, cache_control: str = "no-store"
) -> StreamingResponse:
    digest = base64.b64encode(bytes.fromhex(package.sha256)).decode()
    headers = {
        "Content-Length": str(package.size_bytes),
        "Content-Disposition": f'attachment; filename="{package.app_id}-{package.version_code}.ma"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "ETag": etag_of_package(package.sha256),
        "Cache-Control": cache_control,
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(await store.stream(objects, package.object_key), headers=headers, media_type=MEDIA_TYPE)
