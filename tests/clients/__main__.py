"""`python -m tests.clients`: install the independent clients from npm, in the versions of `package-lock.json`.

Without Node.js their tests are skipped and that is said; with CI set, that is a failure.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
TOOLS = Path(__file__).parents[2] / ".tools" / "oauth-clients"
"""Outside of what Git, ruff, mypy and pytest read."""
_PINNED = ("package.json", "package-lock.json")


def missing() -> list[str]:
    return [program for program in ("node", "npm") if shutil.which(program) is None]


def main() -> int:
    if absent := missing():
        print(f"tests: the independent clients are skipped, because {' and '.join(absent)} cannot be found.")
        return 1 if os.environ.get("CI") else 0
    return 0 if install() else 1


def install() -> bool:
    """Install what is pinned, unless it is there; whether that worked."""
    marker = TOOLS / "installed"
    wanted = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in _PINNED)).hexdigest()
    if marker.exists() and marker.read_text("utf-8") == wanted:
        return True
    print("Installing openid-client and oauth4webapi into .tools/oauth-clients.", flush=True)
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name in _PINNED:
        shutil.copy(SCRIPTS / name, TOOLS / name)
    npm = shutil.which("npm") or "npm"
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if subprocess.run([npm, "ci", *options], cwd=TOOLS, check=False).returncode:  # noqa: S603 - a fixed command
        return False
    marker.write_text(wanted, "utf-8")
    return True


if __name__ == "__main__":
    raise SystemExit(main())
