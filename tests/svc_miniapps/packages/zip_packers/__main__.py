"""`python -m tests.svc_miniapps.packages.zip_packers`: install packers of ZIP files from npm, in pinned versions.

Without Node.js their tests are skipped and that is said; with CI set, that is a failure.
"""

import os
import sys
from pathlib import Path

from contracts.lint import npm
from tests.svc_miniapps.packages.packers import NODE_MODULES


def main() -> int:
    if absent := npm.missing():
        sys.stdout.write(f"tests: packers in JavaScript are skipped, because {' and '.join(absent)} cannot be found.\n")
        return 1 if os.environ.get("CI") else 0
    return 0 if npm.install(Path(__file__).parent, NODE_MODULES.parent, "packers of ZIP files") else 1


if __name__ == "__main__":
    raise SystemExit(main())
