"""`python -m svc_payments.ledger verify | anchor`: prove ledger, trail and money facts, or anchor their heads.

Exit codes: 0 all is right; 1 it is not; 2 the check could not run.
"""

import sys
from collections.abc import Sequence

from obstore.store import ObjectStore
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.anchors import Anchor
from kit.audit.command import Command
from kit.audit.parts import Part
from svc_payments.ledger import anchors, proof
from svc_payments.settings.ledger import LedgerSettings


async def _ledger(tx: AsyncSession, store: ObjectStore, signed: Sequence[Anchor]) -> Sequence[Part]:
    return await proof.parts(tx, {**anchors.heads_of(signed), **await anchors.unsigned_heads(store)})


COMMAND = Command("python -m svc_payments.ledger", anchors.TRAIL, LedgerSettings, _ledger, anchors.announce)


if __name__ == "__main__":
    raise SystemExit(COMMAND.main(sys.argv[1:]))
