"""Why a value is refused is said in the reader's language alone, also what Pydantic composes in English."""

from typing import Annotated, Literal

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field

from chassis import problems
from chassis.testing import PUBLIC_URL

router = APIRouter()


class Opened(BaseModel):
    action: Literal["open"]
    scope: Literal["bills", "pay"]


class Closed(BaseModel):
    action: Literal["close"]


@router.post("/changes")
async def change(_body: Annotated[Opened | Closed, Field(discriminator="action")]) -> None:
    """Change something."""


@pytest.mark.parametrize("language", ["zh", "kk-Arab", "ug"])
@pytest.mark.parametrize(
    ("body", "named"),
    [({}, "'action'"), ({"action": "turn"}, "'open', 'close'"), ({"action": "open", "scope": "x"}, "'bills', 'pay'")],
)
async def test_no_english_is_left_in_a_reason(body: dict[str, str], named: str, language: str) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as api:
        answer = await api.post("/changes", json=body, headers={"Accept-Language": language})
    (error,) = answer.json()["errors"]
    assert named in error["reason"].replace("\u2068", "").replace("\u2069", "")
    left = error["reason"].replace(named, "").replace("'action'", "")
    assert not [letter for letter in left if letter.isascii() and letter.isalpha()]
