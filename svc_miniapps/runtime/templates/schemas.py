from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from svc_miniapps.fields import Code, LanguageTag, Sentence
from svc_miniapps.runtime.templates import models
from svc_miniapps.runtime.templates.models import FieldKind, TemplateStatus
from svc_miniapps.runtime.templates.words import LONGEST_CODE, LONGEST_WORD, PlainLine

PagePath = Annotated[str, StringConstraints(max_length=200, pattern="^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(\\.html)?$")]
_MOST_FIELDS = 6


class TemplateField(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Code
    kind: FieldKind
    max_length: Annotated[int, Field(ge=1, le=LONGEST_CODE)] = LONGEST_WORD
    """In characters; 20 at most where the kind is `word`."""

    @model_validator(mode="after")
    def _words_are_few(self) -> "TemplateField":
        if self.kind == FieldKind.WORD and self.max_length > LONGEST_WORD:
            raise ValueError("must be at most 20 for words")
        return self


class TemplateText(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    language: LanguageTag
    title: Annotated[PlainLine, Field(max_length=40)]
    labels: Annotated[dict[Code, Annotated[PlainLine, Field(max_length=20)]], Field(max_length=_MOST_FIELDS)]
    """By the name of each field."""


def _is_repeated(names: Iterable[str]) -> bool:
    return any(count > 1 for count in Counter(names).values())


class NewTemplate(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    fields: Annotated[list[TemplateField], Field(min_length=1, max_length=_MOST_FIELDS)]
    texts: Annotated[list[TemplateText], Field(min_length=1, max_length=10)]
    """For each language of the app."""
    page: PagePath | None = None
    """Of the app, which the message opens."""
    no_advertising: Literal[True]
    """Declared: it tells residents of their own matter alone."""

    @model_validator(mode="after")
    def _is_whole(self) -> "NewTemplate":
        names = [field.name for field in self.fields]
        if _is_repeated(names) or _is_repeated(text.language.lower() for text in self.texts):
            raise ValueError("must not name a value twice")
        if any(text.labels.keys() != set(names) for text in self.texts):
            raise ValueError("must have one label for each field in every language")
        return self


class TemplateRejection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class MessageTemplate(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    template_id: Annotated[UUID, Field(validation_alias="id")]
    app_id: UUID
    status: TemplateStatus
    fields: list[TemplateField]
    texts: list[TemplateText]
    page: str | None
    submitted_by: UUID
    submitted_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    reason: str | None
    retired_at: datetime | None

    @classmethod
    def of(cls, template: models.MessageTemplate) -> "MessageTemplate":
        return cls.model_validate(template)
