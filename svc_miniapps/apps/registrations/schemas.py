from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chassis.text import Line
from svc_miniapps.apps.registrations import models
from svc_miniapps.apps.registrations.models import RegistrationStatus
from svc_miniapps.fields import Code, LanguageTag, Name, Sentence
from svc_miniapps.targets import Targets


class Texts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: LanguageTag
    name: Name
    description: Sentence


class Use(BaseModel):
    """What an app may do, and what for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    permission: Code
    """A permission of the package, `camera` for `system.permission.CAMERA`, or a scope that residents are asked for."""
    purpose: Sentence


class Declaration(BaseModel):
    """What government apps must not contain. Each is declared."""

    model_config = ConfigDict(extra="forbid")

    no_check_ins: Literal[True]
    no_points: Literal[True]
    no_install_rankings: Literal[True]
    no_commercial_traffic: Literal[True]


def _languages_once(texts: list[Texts]) -> list[Texts]:
    if len({each.language.lower() for each in texts}) < len(texts):
        raise ValueError("must not name a language twice")
    return texts


def _permissions_once(uses: list[Use]) -> list[Use]:
    if len({each.permission for each in uses}) < len(uses):
        raise ValueError("must not name a value twice")
    return uses


Purposes = Annotated[list[Annotated[Line, Field(max_length=100)]], Field(min_length=1, max_length=10)]
Services = Annotated[list[Code], Field(max_length=20)]


class NewRegistration(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    texts: Annotated[list[Texts], Field(min_length=1, max_length=10), AfterValidator(_languages_once)]
    """For each language of the app; the app's own name is one of the names."""
    icon_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    purposes: Purposes
    services: Services
    """Codes of the services that it offers, by which one that does the same is found."""
    targets: Targets = []
    """Further platforms for which the app is built; every package is checked for them, too."""
    privacy: Annotated[list[Use], Field(max_length=30), AfterValidator(_permissions_once)]
    """Each permission and each scope with its purpose; none, if it asks for none."""
    declaration: Declaration


class RegistrationRejection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class Icon(BaseModel):
    sha256: str
    media_type: str
    side: int


class Candidate(BaseModel):
    """An app that may do the same."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    division_code: str
    name: str
    score: Annotated[int, Field(ge=0, le=100)]
    """100: the same name, the same purposes or the same services."""
    alike: list[Literal["name", "purposes", "services"]]


class Candidates(BaseModel):
    items: list[Candidate]


class Registration(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    registration_id: Annotated[UUID, Field(validation_alias="id")]
    app_id: UUID
    status: RegistrationStatus
    texts: list[Texts]
    icon_sha256: str
    purposes: list[str]
    services: list[str]
    targets: list[str]
    privacy: list[Use]
    flags: list[str]
    """Kinds of body that the names sound like: government, utility, payment."""
    candidates: list[Candidate]
    """As they were found when it was submitted."""
    submitted_by: UUID
    submitted_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    reason: str | None
    filing_number: str | None = None
    """Of the app, from its first approval on."""

    @classmethod
    def of(cls, registration: models.AppRegistration, filing_number: str | None = None) -> "Registration":
        shown = cls.model_validate(registration)
        return shown.model_copy(update={"filing_number": filing_number})
