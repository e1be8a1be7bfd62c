"""Public lists that clients and the gateway may keep for a while and ask about cheaply (RFC 9110, 9111)."""

import hashlib
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What the client has (If-None-Match) is still right."}
}


def cacheable(request: Request, answer: BaseModel, *, seconds: int) -> Response:
    """An answer with its ETag, or 304 when the client has it already."""
    body = answer.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={seconds}"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
