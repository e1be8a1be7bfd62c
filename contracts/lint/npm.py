"""Installs programs from npm, in the versions of a `package-lock.json` and without install scripts."""

import hashlib
import shutil
import subprocess
from pathlib import Path

_PINNED = ("package.json", "package-lock.json")
_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def missing() -> list[str]:
    """What has to be on the machine and is not."""
    return [program for program in ("node", "npm") if shutil.which(program) is None]


def install(source: Path, tools: Path, what: str) -> bool:
    """Install what a folder pins into a folder of tools, unless it is there; whether that worked."""
    marker = tools / "installed"
    wanted = hashlib.sha256(b"".join((source / name).read_bytes() for name in _PINNED)).hexdigest()
    if marker.exists() and marker.read_text("utf-8") == wanted:
        return True
    print(f"Installing {what} into .tools/{tools.name}.", flush=True)
    tools.mkdir(parents=True, exist_ok=True)
    for name in _PINNED:
        shutil.copy(source / name, tools / name)
    npm = shutil.which("npm") or "npm"
    if subprocess.run([npm, "ci", *_OPTIONS], cwd=tools, check=False).returncode:  # noqa: S603 - a fixed command
        return False
    marker.write_text(wanted, "utf-8")
    return True
