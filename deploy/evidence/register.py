"""The register of processing activities, from the code of all services and their contracts."""

import hashlib
import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, MetaData

from contracts.documents import FOLDER, in_folder
from deploy.evidence.figures import Table
from deploy.evidence.settings import SERVICES
from kit.evidence.facts import CHASSIS_TABLES, Evidence
from kit.evidence.retention import CHASSIS_RULES, Job, Kept, Period, Retention, Rule

_PERSONAL = frozenset(
    {
        *("phone", "id_number", "account_number", "person_id", "email", "contact_phone", "agent_name", "holder"),
        *("name", "title", "attestation", "agent_id", "claimant_id", "holder_id", "representative_id"),
    }
)
"""Fields of requests and answers that can name a person; a name may also be that of a company."""


def evidence_of(service: str) -> Evidence:
    evidence: Evidence = importlib.import_module(f"svc_{service}.evidence").EVIDENCE
    return evidence


def retention_of(service: str) -> Retention:
    retention: Retention = importlib.import_module(f"svc_{service}.retention").RETENTION
    return retention


def metadata_of(service: str) -> MetaData:
    """Every table of a service."""
    package = importlib.import_module(f"svc_{service}")
    root = Path(package.__path__[0])
    for models in sorted(root.rglob("models.py")):
        importlib.import_module(".".join((package.__name__, *models.relative_to(root).with_suffix("").parts)))
    metadata: MetaData = importlib.import_module(f"svc_{service}.base").Base.metadata
    return metadata


def register() -> list[Table]:
    return [_activities(), _tables(), _parties(), _operations(), _notices()]


def _activities() -> Table:
    records = importlib.import_module("svc_identity.people.consents.activities").RECORDS
    rows = [
        [
            *(activity.value, record.ground.value, record.article, " ".join(record.data), " ".join(record.recipients)),
            *(record.retention, record.since.isoformat(), " ".join(record.stops)),
        ]
        for activity, record in records.items()
    ]
    columns = ("activity", "ground", "article", "data", "recipients", "retention", "since", "stops_when_withdrawn")
    source = "svc_identity/people/consents/activities.py"
    return Table(
        "register/activities", "处理活动：目的、合法性基础、信息种类、接收方、保存期限、起始日期", columns, rows, source
    )


def _tables() -> Table:
    rows = [row for service in SERVICES for row in _tables_of(service)]
    columns = (
        *("service", "table", "activity", "columns", "encrypted_columns", "sealed_in_audit_trail", "ends"),
        *("days", "counted_from", "ended_by", "law"),
    )
    about = "每张涉及个人信息的表：服务于哪项处理活动、有哪些列、哪些列加密、何时删除、保存天数、执行程序和依据"
    source = "svc_*/evidence.py, svc_*/retention.py, svc_*/**/models.py, svc_*/trail.py"
    return Table("register/tables", about, columns, rows, source)


def _tables_of(service: str) -> Iterator[list[Any]]:
    from deploy.evidence.trails import command_of  # both import a whole service, which takes a moment

    evidence, metadata = evidence_of(service), metadata_of(service)
    sealed = {table.name for table in command_of(service).trail.tables}
    rules = {**CHASSIS_RULES, **retention_of(service).rules}
    for name, held in sorted({**CHASSIS_TABLES, **evidence.tables}.items()):
        table = metadata.tables[name]
        encrypted = [each.name for each in table.columns if _is_encrypted(each.type)]
        listed = " ".join(column.name for column in table.columns)
        yield [
            service,
            name,
            held.activity,
            listed,
            " ".join(encrypted),
            name in sealed,
            held.ends,
            *_rule(rules[name]),
        ]


def _rule(rule: Rule) -> list[Any]:
    match rule:
        case Period():
            cleared = (
                f"retention job: clears {' '.join(rule.clears)}" if rule.clears else "retention job: deletes the row"
            )
            return [rule.days, rule.since, cleared, rule.law]
        case Job():
            return [None, "", rule.function, rule.law]
        case Kept():
            return [None, "", "", rule.law]


def _is_encrypted(kind: object) -> bool:
    return isinstance(getattr(kind, "impl", None), LargeBinary) and hasattr(kind, "place")


def _parties() -> Table:
    rows = [
        [service, party.name, party.about, " ".join(party.data), party.port]
        for service in SERVICES
        for party in evidence_of(service).parties
    ]
    columns = ("service", "party", "about", "data", "called_by")
    return Table(
        "register/parties", "受托人和接收方：给谁、给什么、由哪段程序调用", columns, rows, "svc_*/**/provider.py"
    )


def _operations() -> Table:
    rows = []
    for path, document in in_folder(FOLDER).items():
        if not path.startswith("openapi/"):
            continue
        service = path.removeprefix("openapi/").partition(".")[0]
        for template, item in document["paths"].items():
            for method, operation in item.items():
                if isinstance(operation, dict) and "responses" in operation:
                    asked, answered = _fields(document, operation)
                    if asked or answered:
                        who = operation.get("x-who-may-call", "")
                        rows.append([service, method.upper(), template, who, " ".join(asked), " ".join(answered)])
    columns = ("service", "method", "path", "who_may_call", "asked", "answered")
    about = "可能收到或给出个人信息的每个接口，以及谁可以调用"
    return Table("register/operations", about, columns, sorted(rows), "contracts/openapi/*.json")


def _fields(document: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    parameters: list[object] = [
        {"properties": {each["name"]: {}}} for each in operation.get("parameters", ()) if "name" in each
    ]
    asked = _named(document, [operation.get("requestBody", {}), *parameters])
    return sorted(asked), sorted(_named(document, operation["responses"]))


def _named(document: Mapping[str, Any], part: object) -> set[str]:
    """The personal fields of a part of a document, through its references."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting: list[object] = [part]
    while waiting:
        match waiting.pop():
            case dict() as node:
                found |= _PERSONAL & set(node.get("properties", {}))
                reference = node.get("$ref")
                if isinstance(reference, str) and reference not in seen:
                    seen.add(reference)
                    waiting.append(document["components"]["schemas"].get(reference.rpartition("/")[2], {}))
                waiting.extend(node.values())
            case list() as nodes:
                waiting.extend(nodes)
    return found


def _notices() -> Table:
    folder = (
        Path(importlib.import_module("svc_identity.people.agreements.documents").__file__ or "").parent / "versions"
    )
    rows = [
        [version.name, *file.name.removesuffix(".md").split("."), hashlib.sha256(file.read_bytes()).hexdigest()]
        for version in sorted(each for each in folder.iterdir() if each.is_dir())
        for file in sorted(version.glob("*.md"))
    ]
    about = "告知和协议的每个版本（版本名为其日期）、语言和文件摘要；多少人同意见 figures/identity/consents"
    return Table("register/notices", about, ("version", "document", "language", "sha256"), rows, "agreements/versions")


def as_json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
