from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chassis.text import Day
from svc_miniapps.fields import LanguageTag, Sentence
from svc_miniapps.publishing.shutdowns import models
from svc_miniapps.publishing.shutdowns.models import ShutdownStatus


class ShutdownText(BaseModel):
    """What residents read in one language."""

    model_config = ConfigDict(extra="forbid")

    language: LanguageTag
    text: Sentence


def _once_each(texts: list[ShutdownText]) -> list[ShutdownText]:
    if len({each.language.lower() for each in texts}) < len(texts):
        raise ValueError("must not name a language twice")
    return texts


class NewShutdown(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    last_day: Day
    """A working day in China, 30 days ahead at least: the last one on which residents have the app."""
    texts: Annotated[list[ShutdownText], Field(min_length=1, max_length=10), AfterValidator(_once_each)]
    """Why it ends and what happens to data, in each language of the app."""
    redirect_app_id: UUID | None = None
    """A published app of the same division or the prefecture, where residents go on."""


class Shutdown(BaseModel):
    """The announced end of an app."""

    shutdown_id: UUID
    app_id: UUID
    status: ShutdownStatus
    last_day: date
    texts: list[ShutdownText]
    redirect_app_id: UUID | None
    proposed_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, shutdown: models.AppShutdown) -> "Shutdown":
        return cls(
            shutdown_id=shutdown.id,
            app_id=shutdown.app_id,
            status=shutdown.status,
            last_day=shutdown.last_day,
            texts=[ShutdownText(language=tag, text=words) for tag, words in shutdown.texts.items()],
            redirect_app_id=shutdown.redirect_app_id,
            proposed_at=shutdown.proposed_at,
            confirmed_at=shutdown.confirmed_at,
            ended_at=shutdown.ended_at,
        )
