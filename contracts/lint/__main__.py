"""`python -m contracts.lint [install]`: Redocly CLI and Spectral over the OpenAPI documents, as `make lint` runs them.

Both come from npm in the versions of `package-lock.json`, without install scripts, and use no network when they run.
Without Node.js they are skipped and that is said; with CI set, that is a failure.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.lint import npm

HERE = Path(__file__).parent
DOCUMENTS = sorted(str(file) for file in (HERE.parent / "openapi").glob("*.json"))
TOOLS = HERE.parents[1] / ".tools" / "contract-lint"
"""Outside of what Git, ruff, mypy and pytest read."""
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "SCARF_ANALYTICS": "false"}
"""Neither linter reports its use or looks for a newer version."""


def main(arguments: Sequence[str] = ()) -> int:
    if missing := npm.missing():
        print(f"contracts: Redocly and Spectral are skipped, because {' and '.join(missing)} cannot be found.")
        return 1 if os.environ.get("CI") else 0
    if not npm.install(HERE, TOOLS, "Redocly CLI and Spectral"):
        return 1
    if list(arguments) == ["install"]:
        return 0
    redocly = _run("redocly", "lint", "--config", str(HERE / "redocly.yaml"), "--format", "stylish", *DOCUMENTS)
    spectral = _run("spectral", "lint", "--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "info", *DOCUMENTS)
    return redocly or spectral


def _run(program: str, *arguments: str) -> int:
    command = [str(TOOLS / "node_modules" / ".bin" / program), *arguments]
    return subprocess.run(command, env={**os.environ, **QUIET}, check=False).returncode  # noqa: S603 - a fixed command


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
