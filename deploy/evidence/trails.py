"""The proof of each service's audit trail, with the anchor outside the database that it reaches to."""

import importlib
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from deploy.evidence.settings import EvidenceSettings
from kit.audit.anchors import opened
from kit.audit.command import Command
from kit.audit.proof import read_anchors
from kit.audit.settings import public_keys

_NAMED = 100
"""Findings that are named; all are counted."""


@dataclass(frozen=True)
class Proven:
    """What the proof of a trail came to."""

    service: str
    command: str
    right: bool
    findings: int
    named: tuple[str, ...]
    links: int
    anchor: str
    """The last anchor's object in the store; empty where there is none."""
    anchor_sha256: str
    anchored_at: str


def command_of(service: str) -> Command:
    module = "svc_payments.ledger.__main__" if service == "payments" else f"svc_{service}.trail"
    command: Command = importlib.import_module(module).COMMAND
    return command


async def prove(tx: AsyncSession, service: str, settings: EvidenceSettings) -> Proven:
    """Prove a trail in one snapshot, as the service's `verify` does."""
    command = command_of(service)
    store = opened(settings.store_of(service))
    stored = await read_anchors(store, service)
    findings = 0
    named: list[str] = []
    async for finding in command.findings(tx, store, stored, public_keys(settings.anchor_public_keys)):
        findings += 1
        if len(named) < _NAMED:
            named.append(finding)
    heads = [await chain.head(tx) for chain in command.trail.chains.values()]
    last = stored.anchors[-1] if stored.anchors else None
    return Proven(
        service=service,
        command=f"{command.name} verify",
        right=not findings,
        findings=findings,
        named=tuple(named),
        links=sum(head["number"] for head in heads if head),
        anchor=last.object_name if last else "",
        anchor_sha256=last.sha256() if last else "",
        anchored_at=last.made_at if last else "",
    )
