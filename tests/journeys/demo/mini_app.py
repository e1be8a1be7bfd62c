"""The smallest mini-app package the W3C MiniApp specifications allow, its registration and its approval."""

import io
import json
import zipfile
from typing import Any

from tests.journeys.demo.app import Person
from tests.journeys.demo.stage import Stage
from tests.svc_miniapps.stage import icon, registration_of

_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def package(app_id: str, name: str, version_code: int) -> bytes:
    """A `.ma` file: a ZIP with the manifest, the app's script and style, and one page."""
    manifest = {
        "app_id": app_id,
        "name": name,
        "icons": [{"src": "icon.png"}],
        "pages": ["pages/index/index"],
        "platform_version": {"min_code": 1, "target_code": 1},
        "version": {"code": version_code, "name": f"1.0.{version_code}"},
    }
    files: dict[str, str | bytes] = {
        "manifest.json": json.dumps(manifest, ensure_ascii=False),
        "app.js": "App({});\n",
        "app.css": "body { margin: 0 }\n",
        "icon.png": _PIXEL,
        "pages/index/index.html": "<h1>{{ title }}</h1>\n",
        "pages/index/index.js": "Page({ data: { title: 'Hello' } });\n",
        "pages/index/index.css": "h1 { font-size: 20px }\n",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


def approve_with_checklist(stage: Stage, reviewer: Person, path: str) -> None:
    without = reviewer.call("POST", path, json={"checklist": []})
    stage.narrator.answered("nobody approves without the checklist", without, 422, "checklist_incomplete")
    items = reviewer.call("GET", "/miniapps/v1/review-checklist").json()["items"]
    checked = {"checklist": [{"item": each["item"]} for each in items]}
    stage.narrator.check("the reviewer approves", reviewer.call("POST", path, json=checked).is_success)


def approve_registration(stage: Stage, team: Person, reviewer: Person, app: dict[str, Any]) -> None:
    """Submit what the app is for, and have it approved."""
    path = f"/miniapps/v1/apps/{app['app_id']}"
    uploaded = team.call("PUT", f"{path}/icon", content=icon(), headers={"Content-Type": "image/png"})
    digest = stage.narrator.answered("its icon is uploaded", uploaded, 200)["sha256"]
    submitted = team.call("POST", f"{path}/registrations", json=registration_of(app, digest))
    waiting = stage.narrator.answered("what it is for is submitted", submitted, 201)
    approve = f"/miniapps/v1/registrations/{waiting['registration_id']}/approve"
    approved = stage.narrator.answered("a reviewer approves it", reviewer.call("POST", approve), 200)
    stage.narrator.check("and it has a filing number", bool(approved["filing_number"]))
