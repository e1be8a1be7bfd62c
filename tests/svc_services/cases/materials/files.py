"""What residents send to hand a file in."""

import base64
import hashlib
from typing import Any
from uuid import UUID

import httpx

from chassis.testing import once
from tests.documents import jpeg
from tests.svc_services.cases.applications.cases import APPLICATIONS, Headers

MATERIALS = "/services/v1/materials"
PHOTO = jpeg()
Shown = dict[str, Any]


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


async def begin(
    api: httpx.AsyncClient,
    headers: Headers,
    length: int,
    path: str = MATERIALS,
    **more: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    body = {"kind": "id_card", "length": length, **more}
    return await api.post(path, json=body, headers=headers | once())


async def send(
    api: httpx.AsyncClient,
    headers: Headers,
    material_id: str,
    offset: int,
    content: bytes,
    *,
    last: bool,
    path: str = MATERIALS,
    **more: str,
) -> httpx.Response:
    said = {
        "Content-Type": "application/partial-upload",
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1" if last else "?0",
        "Content-Digest": digest(content),
        **more,
    }
    return await api.patch(f"{path}/{material_id}", content=content, headers=headers | said)


async def uploaded(
    api: httpx.AsyncClient, headers: Headers, content: bytes = PHOTO, kind: str = "id_card", path: str = MATERIALS
) -> Shown:
    """A file sent in one part, and what was answered."""
    begun = await begin(api, headers, len(content), path, kind=kind)
    assert begun.status_code == 201, begun.text
    answer = await send(api, headers, begun.json()["material_id"], 0, content, last=True, path=path)
    assert answer.status_code == 200, answer.text
    shown: Shown = answer.json()
    return shown


async def attach(
    api: httpx.AsyncClient, headers: Headers, application_id: str, material: Shown | str
) -> httpx.Response:
    material_id = material if isinstance(material, str) else material["material_id"]
    return await api.put(f"{APPLICATIONS}/{application_id}/materials/{material_id}", headers=headers)


def content_of(base: str, application_id: str | UUID, material: Shown) -> str:
    return f"{base}/{application_id}/materials/{material['material_id']}"
