"""`verify` and `anchor`: prove a service's trail, or write the heads of its chains outside the database now.

Exit codes: 0 all is as it was sealed; 1 it is not; 2 the check could not run.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from obstore.exceptions import BaseError
from obstore.store import ObjectStore
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.settings import load
from kit.audit.anchoring import Anchoring
from kit.audit.anchors import Anchor, AnchorConflict, Announce, opened
from kit.audit.parts import READERS, Part, Progress, findings_in_turn, prove_side_by_side, shared_snapshot
from kit.audit.proof import Stored, Trail, anchor_findings, read_anchors, trail_parts
from kit.audit.settings import AnchorKeySettings, ProofSettings, TrailSettings, public_keys

RIGHT, WRONG, UNKNOWN = range(3)
_LOST = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a database that ends in the middle raises, by way of SQLAlchemy and without it."""
_PROGRESS_SECONDS = 2.0
Parts = Callable[[AsyncSession, ObjectStore, Sequence[Anchor]], Awaitable[Sequence[Part]]]


@dataclass(frozen=True)
class Command:
    """The command line of one service's trail."""

    name: str
    """How it is run, such as `python -m svc_identity.trail`."""
    trail: Trail
    settings: type[ProofSettings] = TrailSettings
    more: Parts | None = None
    """What the service proves besides."""
    announce: Announce | None = None

    def main(self, arguments: Sequence[str]) -> int:
        if list(arguments) not in (["verify"], ["anchor"]):
            sys.stderr.write(f"usage: {self.name} verify | anchor\n")
            return UNKNOWN
        return asyncio.run(self._run(arguments[0]))

    async def _run(self, command: str) -> int:
        settings = load(self.settings)
        database = Database(settings.database_of(self.trail.service), pool_size=READERS)
        try:
            return await (self._verify if command == "verify" else self._anchor)(database, settings)
        except (*_LOST, BaseError, OSError, ValueError, KeyError, TypeError) as error:
            sys.stderr.write(f"{command} could not be done: {type(error).__name__}: {error}\n")
            return UNKNOWN
        finally:
            await database.close()

    async def _verify(self, database: Database, settings: ProofSettings) -> int:
        store = opened(settings.store_url)
        # Read before the snapshot: an anchor made after it could name a link that the snapshot lacks.
        stored = await read_anchors(store, self.trail.service)
        async with shared_snapshot(database) as readers:
            parts = await self._parts(readers[0], store, stored, public_keys(settings.anchor_public_keys))
            found = await prove_side_by_side(readers, parts, _say, _progress())
        verdict = "is WRONG" if found else "is right"
        _say(f"The trail of {self.trail.service} {verdict}: {found} findings; {await self._reach(database)}.")
        return WRONG if found else RIGHT

    async def findings(
        self, tx: AsyncSession, store: ObjectStore, stored: Stored, keys: tuple[Ed25519PublicKey, ...]
    ) -> AsyncIterator[str]:
        """Everything that is wrong, as sentences, read in one transaction."""
        async for finding in findings_in_turn(tx, await self._parts(tx, store, stored, keys)):
            yield finding

    async def _parts(
        self, tx: AsyncSession, store: ObjectStore, stored: Stored, keys: tuple[Ed25519PublicKey, ...]
    ) -> Sequence[Part]:
        return [
            Part("anchors", partial(_each, stored.faults)),
            Part("anchors", partial(anchor_findings, anchors=stored.anchors, keys=keys)),
            *trail_parts(self.trail, stored.anchors),
            *(await self.more(tx, store, stored.anchors) if self.more else ()),
        ]

    async def _reach(self, database: Database) -> str:
        async with database.read() as tx:
            heads = {name: await chain.head(tx) for name, chain in self.trail.chains.items()}
        return ", ".join(f"{head['number'] if head else 0} links of {name}" for name, head in heads.items())

    async def _anchor(self, database: Database, settings: ProofSettings) -> int:
        key = load(AnchorKeySettings).anchor_key
        anchoring = Anchoring(self.trail, settings.store_url, key, self.announce)
        try:
            anchor = await anchoring.anchor(database)
        except AnchorConflict as conflict:
            _say(f"{conflict}: a chain was rewritten or cut, or the store is not its own.")
            return WRONG
        _say(f"Anchored: {anchor.object_name}, SHA-256 {anchor.sha256()}" if anchor else "Nothing is sealed yet.")
        return RIGHT


async def _each(faults: Iterable[str], _: AsyncSession) -> AsyncIterator[str]:
    for fault in faults:
        yield fault


def _progress() -> Progress:
    shown = time.monotonic()

    def show(what: str, done: int, of: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _PROGRESS_SECONDS:
            shown = time.monotonic()
            sys.stderr.write(f"{what}: {done:,} of {of:,}\n")

    return show


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
