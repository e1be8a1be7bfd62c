"""What host apps on phones report."""

import httpx

from chassis.db import new_id
from chassis.testing import once
from tests.svc_miniapps.stage import YINING, Headers, Json, Stage

ME = "/miniapps/v1/me"


async def opened(stage: Stage, person: Headers, app: Json, version_code: int = 1, **more: str) -> httpx.Response:
    body = {"opening_id": str(new_id()), "version_code": version_code, "division_code": YINING, **more}
    return await stage.api.put(f"{ME}/recent-apps/{app['app_id']}", json=body, headers=person)


async def recent(stage: Stage, person: Headers) -> Json:
    answer = await stage.api.get(f"{ME}/recent-apps", headers=person)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def reported(
    stage: Stage, person: Headers, app: Json, page: str = "pages/index", code: str = "x"
) -> httpx.Response:
    about = {"app_id": app["app_id"], "version_code": 1, "division_code": YINING}
    return await stage.api.post(f"{ME}/app-errors", json=about | {"page": page, "code": code}, headers=person | once())


async def rated(stage: Stage, person: Headers, app: Json, grade: int = 5, words: str | None = None) -> httpx.Response:
    path = f"{ME}/app-ratings/{app['app_id']}"
    return await stage.api.put(path, json={"grade": grade, "words": words}, headers=person)


async def raters(stage: Stage, app: Json, grades: list[int], words: str | None = None) -> list[Headers]:
    """As many persons as there are grades, each of whom has opened and rated the app."""
    persons = [stage.person() for _ in grades]
    for person, grade in zip(persons, grades, strict=True):
        assert (await opened(stage, person, app)).status_code == 204
        assert (await rated(stage, person, app, grade, words)).status_code == 200
    return persons
