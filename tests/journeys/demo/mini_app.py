"""The smallest mini-app package the W3C MiniApp specifications allow, and its approval."""

import io
import json
import zipfile

from tests.journeys.demo.app import Person
from tests.journeys.demo.stage import Stage

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
