"""Stored files on their way out: always as attachments, of the type that their bytes have, into an empty sandbox."""

import base64
import hashlib
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from obstore.store import ObjectStore

from chassis.problems import TryLater
from chassis.telemetry import log
from kit import objects
from kit.files.documents import DocumentType
from svc_services.cases.materials.models import Material, MaterialStatus
from svc_services.cases.materials.refusals import MaterialNotReady


async def _store(request: Request) -> ObjectStore:
    return objects.opened(request.app.state.settings.materials)


Store = Annotated[ObjectStore, Depends(_store)]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, to be saved.", "content": {kind.value: _BINARY for kind in DocumentType}}
}


async def download(store: ObjectStore, material: Material) -> Response:
    """The bytes of a kept file, which are those that were checked.

    Raises:
        MaterialNotReady
        TryLater: the store is away, or holds other bytes.
    """
    if material.status != MaterialStatus.KEPT or material.media_type is None:
        raise MaterialNotReady
    content = await objects.get(store, material.object_key)
    digest = hashlib.sha256(content)
    if digest.hexdigest() != material.sha256:
        log.error("material_changed_in_store", material_id=str(material.id))
        raise TryLater
    kind = DocumentType(material.media_type)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{material.kind}-{material.id}.{kind.extension}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Repr-Digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=kind.value, headers=headers)
