"""The release has one number, wherever it is written."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_newest_change_the_package_and_the_image_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changes = re.search(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    image = re.search(r"image: my-ili:(\S+)", (ROOT / "deploy/compose/compose.yaml").read_text("utf-8"))
    assert changes
    assert image
    assert {project, changes[1], image[1]} == {project}
