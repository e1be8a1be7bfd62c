"""The proof of the ledger in parts: its chain link by link, its anchors, the facts, and what follows from other rows.

All parts read one snapshot, so it may run beside the service, and row by row, so it needs no more memory for a year
than for a day. Each finding is a sentence with the ids concerned.
"""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.parts import Part
from svc_payments.amounts import in_digits
from svc_payments.ledger import chain_proof, facts
from svc_payments.ledger.anchors import Head, listing_findings
from svc_payments.ledger.checks import Check
from svc_payments.ledger.derivations import CHECKS
from svc_payments.ledger.models import Fact, Link
from svc_payments.ledger.spans import allow_whole_reads, pieces


async def parts(tx: AsyncSession, anchors: Mapping[int, Head]) -> list[Part]:
    """Everything that is not as it must be; nothing, when the ledger is right.

    Args:
        tx: of the snapshot that the parts read.
        anchors: the heads kept outside, by the number of their link.
    """
    links = await pieces(tx, Link.number, chain_proof.LINKS_AT_ONCE)
    sealed = await pieces(tx, Fact.position, facts.FACTS_AT_ONCE)
    return [
        *(Part("links of the chain", partial(chain_proof.span_findings, span=span)) for span in links),
        Part("entries in no link", chain_proof.unlinked_findings),
        Part("anchored heads", partial(chain_proof.anchored_findings, anchors=anchors)),
        Part("anchored heads", partial(listing_findings, heads=anchors)),
        *(Part("sealed facts", partial(facts.changed_findings, positions=span)) for span in sealed),
        Part("sealed facts", facts.missing_findings),
        *(Part("checks of sums and payments", partial(_check_findings, check=check)) for check in CHECKS),
    ]


async def _check_findings(tx: AsyncSession, check: Check) -> AsyncIterator[str]:
    await allow_whole_reads(tx, allowed=True)
    async for row in await tx.stream(text(check.rows)):
        yield check.sentence.format_map(_as_read(row._asdict()))


def _as_read(row: dict[str, Any]) -> dict[str, Any]:
    """A row's values for a sentence, amounts in yuan."""
    return {
        name: in_digits(int(value)) if name.endswith("_fen") and value is not None else value
        for name, value in row.items()
    }
