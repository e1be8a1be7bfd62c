"""The files a rule looks at, and what it reports of them."""

import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SERVICES = ("svc_identity", "svc_services", "svc_payments", "svc_miniapps")


class Fault(NamedTuple):
    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


def files(root: Path) -> list[str]:
    """The paths, below `root`, of what git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True)  # noqa: S603
    return sorted(path for path in set(listed.stdout.split("\0")) if path and (root / path).is_file())
