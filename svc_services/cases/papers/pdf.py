"""A paper as PDF: what the template shows of a step, in Chinese and, beside it, in the reader's language."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.db import CHINA
from kit import papers
from kit.papers import codes, qr
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.materials.schemas import AttachedMaterial
from svc_services.cases.papers.texts import bilingual, bilingual_label
from svc_services.cases.workflows.definition import PaperKind, WorkflowDefinition
from svc_services.providers.applications.models import Provider

_TEMPLATE = Path(__file__).parent / "templates" / "case_paper.typ"
_DIGITS_SHOWN, _HASH_SHOWN, _FEN = 4, 16, 100
_LABELS = (
    *("product", "case_number", "application", "provider", "division", "account_number", "issuer", "issued_at"),
    *("beijing_time", "promise", "working_days", "new_state", "reason", "appointment", "amount", "materials"),
    *("material", "file_type", "size", "fingerprint", "no_materials", "verification_code", "how_to_verify", "foot"),
)


@dataclass(frozen=True)
class Subject:
    """What a paper is about."""

    kind: PaperKind
    case: Application
    step: ApplicationStep
    rules: WorkflowDefinition
    provider: Provider
    division: str
    issuer: str
    materials: list[AttachedMaterial]


async def printed(subject: Subject, code: str, verify_at: str, language: str) -> bytes:
    data = _shown(subject, code, verify_at, language)
    return await papers.pdf(_TEMPLATE, data, issued_at=subject.step.taken_at)


def _shown(subject: Subject, code: str, verify_at: str, language: str) -> dict[str, Any]:
    case, step, rules = subject.case, subject.step, subject.rules
    link = f"{verify_at}?code={codes.shown(code)}"
    return {
        "words": {label: bilingual(label, language) for label in _LABELS},
        "title": bilingual(f"paper_{subject.kind}", language),
        "statement": bilingual(f"statement_{subject.kind}", language),
        "case_number": str(case.case_number),
        "application": bilingual(f"kind_{case.kind}", language),
        "provider": subject.provider.name,
        "division": subject.division,
        "account_number": _masked(case.account_number or ""),
        "issuer": subject.issuer,
        "issued_at": f"{step.taken_at.astimezone(CHINA):%Y-%m-%d %H:%M}",
        "promise": rules.limit_days + (case.extended_days if subject.kind == PaperKind.EXTENSION else 0),
        "new_state": bilingual_label(rules.labels.get(step.to_state), step.to_state, language),
        "reason": step.reason or "",
        "appointment": _appointment(step),
        "amount": "" if step.amount_fen is None else _yuan(step.amount_fen),
        "lists_materials": subject.kind in {PaperKind.RECEIPT, PaperKind.ACCEPTANCE},
        "materials": [_material(each, rules, language) for each in subject.materials],
        "code": codes.shown(code),
        "verify_at": verify_at,
        "verify_link": link,
        "qr": qr.drawn(link),
    }


def _appointment(step: ApplicationStep) -> str:
    if step.appointment_on is None:
        return ""
    hours = f" {step.appointment_from:%H:%M}-{step.appointment_to:%H:%M}" if step.appointment_from else ""
    return f"{step.appointment_on:%Y-%m-%d}{hours}"


def _material(material: AttachedMaterial, rules: WorkflowDefinition, language: str) -> dict[str, Any]:
    # Never a kind that the applicant made up: the paper has the office's name under it.
    label = rules.labels.get(material.kind) if any(each.kind == material.kind for each in rules.materials) else None
    named = bilingual_label(label, material.kind, language) if label else bilingual("other_material", language)
    return {
        "kind": named,
        "type": material.media_type.partition("/")[2].upper(),
        "size": f"{material.length:,} B",
        "sha256": material.sha256[:_HASH_SHOWN],
    }


def _masked(account_number: str) -> str:
    """Enough for its owner to recognise it, too little for others to look it up."""
    hidden = max(len(account_number) - _DIGITS_SHOWN, 0)
    return "*" * hidden + account_number[hidden:]


def _yuan(fen: int) -> str:
    yuan, rest = divmod(fen, _FEN)
    return f"¥{yuan:,}.{rest:02}"
