"""Photos of meters, which stand a floor above with the other files of people: `app.py` hands in how one is used."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

UsePhoto: TypeAlias = Callable[[AsyncSession, UUID, UUID, UUID], Awaitable[None]]
"""Keep a file of a person with a reading: the person, the reading, the file."""


def _handed_in(request: Request) -> UsePhoto:
    use_photo: UsePhoto = request.app.state.use_photo
    return use_photo


Photos = Annotated[UsePhoto, Depends(_handed_in)]
