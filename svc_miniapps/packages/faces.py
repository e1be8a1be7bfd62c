"""What a phone shows and checks of a package before it fetches it: the icon and the platform it needs."""

import hashlib
import json
import zipfile
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from svc_miniapps.packages.models import Icon, PackageFace
from svc_miniapps.pictures import picture_of

MAX_ICON_BYTES = 256 * 1024


@dataclass(frozen=True)
class IconFile:
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Face:
    min_platform_code: int
    icon: IconFile | None
    """The first one of the manifest that is a PNG, WebP or JPEG of at most 256 KiB."""


def face_of(file: Path) -> Face:
    """The face of a package that was inspected."""
    with zipfile.ZipFile(file) as archive:
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
        pictures = (_picture(archive, icon["src"].removeprefix("/")) for icon in manifest["icons"])
        return Face(manifest["platform_version"]["min_code"], next(filter(None, pictures), None))


def _picture(archive: zipfile.ZipFile, path: str) -> IconFile | None:
    if archive.getinfo(path).file_size > MAX_ICON_BYTES:
        return None
    content = archive.read(path)
    picture = picture_of(content)
    return IconFile(picture.media_type, content) if picture else None


async def keep_face(tx: AsyncSession, package_id: UUID, face: Face, targets: AbstractSet[str]) -> None:
    """Keep the face of a package that is recorded in this transaction."""
    icon = face.icon
    if icon:
        row = insert(Icon).values(sha256=icon.sha256, media_type=icon.media_type, content=icon.content)
        await tx.execute(row.on_conflict_do_nothing())
    shown = {"min_platform_code": face.min_platform_code, "icon_sha256": icon and icon.sha256}
    tx.add(PackageFace(package_id=package_id, targets=sorted(targets), **shown))
    await tx.flush()
