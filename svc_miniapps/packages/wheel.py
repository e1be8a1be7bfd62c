"""`python -m svc_miniapps.packages.wheel FOLDER`: the checks as a wheel, for county teams; `make checker` runs it.

A wheel is a ZIP file with three texts about it: no build tool is needed. What it needs is pinned as it is here.
"""

import base64
import hashlib
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = "my_ili_package_check"
_NEEDS = ("jsonschema-rs", "tree-sitter", "tree-sitter-javascript")
_FILES = (
    "kit/__init__.py",
    "kit/json_members.py",
    "kit/files/__init__.py",
    "kit/files/zip_entries.py",
    "svc_miniapps/__init__.py",
    "svc_miniapps/pictures.py",
    "svc_miniapps/packages/__init__.py",
    "svc_miniapps/packages/__main__.py",
    "svc_miniapps/packages/checks/*",
    "svc_miniapps/packages/messages/*.json",
)
_TIME = (2026, 1, 1, 0, 0, 0)
"""The same content makes the same wheel."""


def build(folder: Path) -> Path:
    """Write the wheel. Returns its path."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    about = f"{NAME}-{project['version']}.dist-info"
    contents = dict(_contents())
    contents[f"{about}/METADATA"] = _metadata(project).encode()
    contents[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: my-ili\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{about}/entry_points.txt"] = b"[console_scripts]\nmy-ili-package = svc_miniapps.packages.__main__:run\n"
    record = "".join(f"{name},{_digest(content)},{len(content)}\n" for name, content in contents.items())
    contents[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{NAME}-{project['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)
    return wheel


def _contents() -> Iterator[tuple[str, bytes]]:
    for pattern in _FILES:
        for file in sorted(ROOT.glob(pattern)):
            if file.is_file():
                yield file.relative_to(ROOT).as_posix(), file.read_bytes()


def _metadata(project: dict[str, object]) -> str:
    pinned = project["dependencies"]
    if not isinstance(pinned, list):
        raise TypeError("pyproject.toml has no list of dependencies")
    needs = [f"Requires-Dist: {each}" for each in pinned if str(each).partition("==")[0] in _NEEDS]
    lines = ["Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {project['version']}", "Requires-Python: >=3.11"]
    return "\n".join([*lines, "Summary: Checks packages of mini-apps of My Ili as an upload does", *needs, ""])


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
