from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from svc_services.cases.materials.models import LARGEST_FILE
from svc_services.cases.workflows.definition import LabelledName

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class NewMaterial(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: LabelledName
    """What it is, such as id_card; workflows name those that they need."""
    length: int = Field(strict=True, ge=1, le=LARGEST_FILE)
    """Its bytes."""
    sha256: Sha256 | None = None
    """Of the whole file; if it comes out otherwise, the file is refused."""


class Material(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    material_id: UUID
    kind: str
    status: str
    """receiving, received (being checked), kept or refused; expect further values within v1."""
    received_bytes: int
    length: int
    media_type: str | None
    """What its bytes are: application/pdf, image/jpeg, image/png or image/heic; expect further values within v1."""
    sha256: str | None
    """Of the stored bytes; before they are stored, what was announced."""
    scan: str | None
    """pending, clean, infected, or off where files are not scanned; null before it is stored."""
    problem: dict[str, Any] | None
    """Why it was refused (RFC 9457)."""
    created_at: datetime


class AttachedMaterial(BaseModel):
    """A material of an application."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    material_id: UUID
    kind: str
    media_type: str
    length: int
    sha256: str
    scanned: bool
    """A scanner has found nothing in it."""
    attached_at: datetime
