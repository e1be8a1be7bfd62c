"""`python -m svc_services.cases.case_migrations preview | run MIGRATION_ID`: move running cases to another version.

`preview` changes nothing. `run` carries out what a second operator has approved, beside the service, in small
transactions; it can be stopped and started at any time, and moves no case twice.
"""

import asyncio
import sys
from collections.abc import Sequence
from uuid import UUID

from chassis.db import Database
from chassis.problems import NotFound
from chassis.settings import load
from svc_services.cases.case_migrations import moves
from svc_services.cases.case_migrations.schemas import CaseMigrationPreview
from svc_services.settings import Settings

_USAGE = "usage: python -m svc_services.cases.case_migrations preview | run MIGRATION_ID\n"


async def main(database: Database, command: str, migration_id: UUID) -> int:
    """Exit codes: 0 no case stays behind, 1 some do or would, 2 there is nothing that may be carried out."""
    try:
        if command == "run":
            sys.stdout.write(f"{await moves.carry_out(database, migration_id)} cases were moved.\n")
        async with database.read() as tx:
            seen = await moves.preview(tx, migration_id)
    except NotFound:
        sys.stderr.write("There is no such migration.\n")
        return 2
    except moves.NotApprovedError:
        sys.stderr.write("No second operator has approved this migration.\n")
        return 2
    finally:
        await database.close()
    sys.stdout.writelines(_lines(seen))
    return 1 if seen.staying else 0


def _lines(seen: CaseMigrationPreview) -> list[str]:
    lines = [f"{seen.moving} cases to move, {seen.staying} stay with their version.\n"]
    for state in seen.states:
        staying = "".join(f", {each.cases} stay ({each.reason})" for each in state.staying)
        late = f", {state.late_at_once} of them late at once" if state.late_at_once else ""
        lines.append(f"{state.from_state} -> {state.to_state or '-'}: {state.moving} move{late}{staying}\n")
    return lines


def run(arguments: Sequence[str]) -> int:
    try:
        command, named = arguments
        migration_id = UUID(named)
    except ValueError:
        command = ""
    if command not in {"preview", "run"}:
        sys.stderr.write(_USAGE)
        return 2
    return asyncio.run(main(Database.of(load(Settings)), command, migration_id))


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
