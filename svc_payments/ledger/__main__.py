"""`python -m svc_payments.ledger verify | anchor`: prove the ledger, or write the head of its chain outside now.

Exit codes: 0 the ledger is right; 1 it is not; 2 the check could not run.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import asyncpg
from obstore.exceptions import BaseError
from sqlalchemy.exc import DBAPIError

from chassis.db import Database
from chassis.settings import load
from svc_payments.ledger import anchors, proof
from svc_payments.settings.ledger import LedgerSettings

RIGHT, WRONG, UNKNOWN = range(3)
_PROGRESS_SECONDS = 2.0


async def verify(database: Database, settings: LedgerSettings) -> int:
    """Print every finding; the sum of it comes last."""
    # Read before the snapshot: an anchor made after it could name a link that the snapshot lacks.
    heads = {head.link_number: head async for head in anchors.anchored_heads(anchors.opened(settings.ledger_anchors))}
    found = 0
    async with database.read() as tx:
        async for finding in proof.findings(tx, heads, _progress()):
            found += 1
            _say(finding)
        head = await anchors.head_of(tx)
    reach = f"{head.link_number} links, {head.last_position} entries" if head else "nothing posted yet"
    _say(f"The ledger is {'WRONG' if found else 'right'}: {found} findings; {reach}; {len(heads)} anchors.")
    return WRONG if found else RIGHT


async def anchor(database: Database, settings: LedgerSettings) -> int:
    try:
        head = await anchors.anchor(database, anchors.opened(settings.ledger_anchors))
    except anchors.AnchorConflict as conflict:
        _say(f"{conflict} holds another head than the database: the chain was rewritten, or the store is not its own.")
        return WRONG
    _say(f"Link {head.link_number} is anchored: {head.hash}" if head else "Nothing is posted yet.")
    return RIGHT


def _progress() -> proof.Progress:
    shown = time.monotonic()

    def show(what: str, done: int, of: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _PROGRESS_SECONDS:
            shown = time.monotonic()
            sys.stderr.write(f"{what}: {done:,} of {of:,}\n")

    return show


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


async def _run(command: str) -> int:
    settings = load(LedgerSettings)
    database = Database(settings.database, pool_size=1)
    try:
        return await {"verify": verify, "anchor": anchor}[command](database, settings)
    except (DBAPIError, asyncpg.PostgresError, BaseError, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{command} could not be done: {type(error).__name__}: {error}\n")
        return UNKNOWN
    finally:
        await database.close()


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in (["verify"], ["anchor"]):
        sys.stderr.write("usage: python -m svc_payments.ledger verify | anchor\n")
        return UNKNOWN
    return asyncio.run(_run(arguments[0]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
