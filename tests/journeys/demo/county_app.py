"""A mini-app from its registration to the end: published, renewed in steps, rolled back, taken down and given back."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.mini_app import approve_registration, approve_with_checklist, package
from tests.journeys.demo.people import remove_reviewer, reviewer_of, team_member
from tests.journeys.demo.stage import DIVISION, Stage

_MINIAPPS = "/miniapps/v1"
_PACKAGE = {"Content-Type": "application/miniapp-pkg+zip"}
_WITHIN = 2
"""Seconds until every catalogue has a change."""
_GONE_WITHIN = 5


@dataclass(frozen=True)
class CountyApp:
    stage: Stage
    resident: Person
    team: Person
    reviewer: Person
    app_id: str
    name: str

    def uploaded(self, version_code: int) -> tuple[str, bytes]:
        """The release of a new version and its package; a package that was cut on the way is refused first."""
        packed = package(self.app_id, self.name, version_code)
        path = f"{_MINIAPPS}/apps/{self.app_id}/packages/{version_code}"
        broken = self.team.call("PUT", path, content=packed[:-30], headers=_PACKAGE)
        self.stage.narrator.check("a cut package is refused", broken.is_client_error)
        answer = self.team.call("PUT", path, content=packed, headers=_PACKAGE)
        release_id = self.stage.narrator.answered(f"version {version_code} is uploaded", answer, 201)["release_id"]
        return str(release_id), packed

    def step(self, claim: str, release_id: str, step: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        answer = self.team.call("POST", f"{_MINIAPPS}/releases/{release_id}/{step}", json=body)
        return self.stage.narrator.answered(claim, answer, 200)

    def listed(self) -> dict[str, Any] | None:
        """What the resident's catalogue has of it."""
        query = {"division_code": DIVISION, "category": "daily_life", "limit": "200"}
        items = self.resident.call("GET", f"{_MINIAPPS}/catalogue", params=query).json()["items"]
        return next((item for item in items if item["app_id"] == self.app_id), None)

    def offered(self) -> list[int]:
        """The versions that the resident's phone is offered in place of version 1."""
        phone = {"division_code": DIVISION, "platform_version": 1}
        installed = [{"app_id": self.app_id, "version_code": 1}]
        answer = self.resident.call("POST", f"{_MINIAPPS}/me/updates", json=phone | {"installed": installed})
        return [each["version"]["code"] for each in answer.raise_for_status().json()["items"]]

    def shows(self, version_code: int, packed: bytes) -> None:
        def look() -> dict[str, Any] | None:
            listing = self.listed()
            return listing if listing and listing["version"]["code"] == version_code else None

        claim = f"the resident's catalogue shows version {version_code}"
        listing = self.stage.narrator.wait_for(claim, look, within=_WITHIN)
        download = self.resident.call("GET", listing["package_url"])
        self.stage.narrator.check("and gives the package, byte for byte", download.content == packed)


def publish_mini_app(stage: Stage, resident: Person) -> None:
    stage.narrator.act("7  A county team publishes a mini-app, reviewed by another organisation")
    team = team_member(stage, "Sample County Team")
    reviewer = reviewer_of(stage, "Sample Review Body")
    app = _registered(stage, resident, team, reviewer)
    first, packed = app.uploaded(1)
    app.step("and submitted", first, "submit")
    path = f"{_MINIAPPS}/releases/{first}/approve"
    stage.narrator.check("the team cannot approve it itself", team.call("POST", path).status_code, 403)
    approve_with_checklist(stage, reviewer, path)
    app.shows(1, packed)
    _renew(app, first, packed)
    _take_down(app, packed)
    remove_reviewer(stage, reviewer)
    team.close()
    reviewer.close()


def _registered(stage: Stage, resident: Person, team: Person, reviewer: Person) -> CountyApp:
    name = f"集市时间表 {sample_codes.uscc()[-6:]}"
    new = {
        "name": name,
        "short_description": "各乡镇集市的日期和地点",
        "category": "daily_life",
        "division_code": DIVISION,
        "languages": ["zh-Hans"],
    }
    app = stage.narrator.answered("the app is registered", team.call("POST", f"{_MINIAPPS}/apps", json=new), 201)
    approve_registration(stage, team, reviewer, app)
    return CountyApp(stage, resident, team, reviewer, app["app_id"], name)


def _renew(app: CountyApp, first: str, packed: bytes) -> None:
    """A second version for some, then for all, then the first one again."""
    second, renewed = app.uploaded(2)
    app.step("submitted, to be published by the team", second, "submit", {"publish_on_approval": False})
    approve_with_checklist(app.stage, app.reviewer, f"{_MINIAPPS}/releases/{second}/approve")
    app.step("its testers have it first", second, "gray")
    app.stage.narrator.check("the resident is none of them", app.offered(), [])
    app.step("a hundred percent of all persons have it", second, "gray/widen", {"stage": "percentage", "percent": 100})
    app.stage.narrator.check("now the resident's phone is offered it", app.offered(), [2])
    lower = {"stage": "percentage", "percent": 50}
    answer = app.team.call("POST", f"{_MINIAPPS}/releases/{second}/gray/widen", json=lower)
    app.stage.narrator.answered("the percentage does not go down", answer, 409, "percentage_only_rises")
    app.step("it is published", second, "publish")
    app.shows(2, renewed)
    app.step("and rolled back to the first version", first, "roll-back")
    app.shows(1, packed)


def _take_down(app: CountyApp, packed: bytes) -> None:
    """Two operators take the app from residents, and two give it back after the team's appeal."""
    narrator, operator, second = app.stage.narrator, app.stage.operator, app.stage.second_operator
    proposed = operator.call("POST", f"{_MINIAPPS}/apps/{app.app_id}/take-downs", json={"reason": "日期有误"})
    down = narrator.answered("an operator proposes to take it down", proposed, 201)
    path = f"{_MINIAPPS}/take-downs/{down['take_down_id']}"
    narrator.answered("and cannot confirm it", operator.call("POST", f"{path}/confirm"), 403, "second_person_needed")
    narrator.answered("a second operator confirms it", second.call("POST", f"{path}/confirm"), 200)
    narrator.wait_for("no catalogue has it", lambda: app.listed() is None or None, within=_GONE_WITHIN)
    gone = app.resident.call("GET", f"{_MINIAPPS}/catalogue/{app.app_id}/package")
    narrator.check("nor its package", gone.status_code, httpx.codes.NOT_FOUND)
    narrator.answered("the team appeals", app.team.call("POST", f"{path}/appeal", json={"reason": "日期已改正"}), 200)
    restore = operator.call("POST", f"{path}/propose-restore", json={"reason": "日期已改正"})
    narrator.answered("an operator proposes to give it back", restore, 200)
    narrator.answered("a second one does", second.call("POST", f"{path}/restore"), 200)
    app.shows(1, packed)
