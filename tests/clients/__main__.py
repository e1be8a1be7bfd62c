"""`python -m tests.clients`: install the independent clients from npm, in the versions of `package-lock.json`.

Without Node.js their tests are skipped and that is said; with CI set, that is a failure.
"""

import os
from pathlib import Path

from contracts.lint import npm

SCRIPTS = Path(__file__).parent / "scripts"
TOOLS = Path(__file__).parents[2] / ".tools" / "oauth-clients"
"""Outside of what Git, ruff, mypy and pytest read."""


def main() -> int:
    if absent := npm.missing():
        print(f"tests: the independent clients are skipped, because {' and '.join(absent)} cannot be found.")
        return 1 if os.environ.get("CI") else 0
    return 0 if install() else 1


def install() -> bool:
    """Install what is pinned, unless it is there; whether that worked."""
    return npm.install(SCRIPTS, TOOLS, "openid-client and oauth4webapi")


if __name__ == "__main__":
    raise SystemExit(main())
