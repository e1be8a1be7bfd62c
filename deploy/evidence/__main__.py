"""`python -m deploy.evidence FOLDER`: write the evidence of a compliance audit into a new folder.

`python -m deploy.evidence grant` makes the database role `myili_auditor`, which reads and does nothing else.

Exit codes: 0 the pack is whole, and every audit trail is as it was sealed; 1 the pack is written, and says what of
that is not so; 2 nothing is written.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from chassis.settings import load
from deploy.evidence.pack import collect, write
from deploy.evidence.roles import grant_reading
from deploy.evidence.settings import AUDITOR, EvidenceSettings, GrantSettings

WHOLE, PARTIAL, NOTHING = range(3)
USAGE = "usage: python -m deploy.evidence FOLDER | grant\n"


def main(arguments: Sequence[str]) -> int:
    match list(arguments):
        case ["grant"]:
            return _grant()
        case [folder] if not folder.startswith("-"):
            return _write(Path(folder))
    sys.stderr.write(USAGE)
    return NOTHING


def _write(folder: Path) -> int:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        sys.stderr.write(f"Nothing is written: {folder} exists, and a pack needs a new or empty folder.\n")
        return NOTHING
    pack = asyncio.run(collect(load(EvidenceSettings)))
    write(pack, folder)
    sys.stdout.writelines(f"{sentence}\n" for sentence in pack.missing)
    sys.stdout.writelines(f"{each.command}: {each.findings} findings.\n" for each in pack.trails)
    sys.stdout.write(f"The pack is in {folder}; begin with report.zh.md.\n")
    return WHOLE if pack.is_whole else PARTIAL


def _grant() -> int:
    try:
        missing = asyncio.run(grant_reading(load(GrantSettings)))
    except (OSError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"grant could not be done: {type(error).__name__}: {error}\n")
        return NOTHING
    sys.stdout.writelines(
        f"The database of {service} does not exist yet: run grant again after it.\n" for service in missing
    )
    sys.stdout.write(f"{AUDITOR} reads the databases of the platform, and writes nowhere.\n")
    return PARTIAL if missing else WHOLE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
