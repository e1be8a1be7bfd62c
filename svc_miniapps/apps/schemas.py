from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_miniapps.apps.models import App as AppRow
from svc_miniapps.fields import Code, LanguageTag, Name, Sentence


def _distinct(languages: list[str]) -> list[str]:
    if len({language.lower() for language in languages}) < len(languages):
        raise ValueError("must not name a language twice")
    return languages


Languages = Annotated[list[LanguageTag], Field(min_length=1, max_length=10), AfterValidator(_distinct)]


class NewApp(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    short_description: Sentence
    category: Code
    division_code: DivisionCode
    languages: Languages


class AppChanges(BaseModel):
    """What is left out stays as it is. The name and the division are for ever."""

    model_config = ConfigDict(extra="forbid")

    short_description: Sentence | None = None
    category: Code | None = None
    languages: Languages | None = None


class App(BaseModel):
    app_id: UUID
    organisation_id: UUID
    division_code: str
    category: str
    name: str
    short_description: str
    languages: list[str]
    created_at: datetime

    @classmethod
    def of(cls, app: AppRow) -> "App":
        return cls(
            app_id=app.id,
            organisation_id=app.organisation_id,
            division_code=app.division_code,
            category=app.category,
            name=app.name,
            short_description=app.short_description,
            languages=app.languages,
            created_at=app.created_at,
        )
