"""Collecting the pack and writing it: tables as CSV and JSON, the text for people, and the sums of all files."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from obstore.exceptions import BaseError
from sqlalchemy.exc import DBAPIError

from chassis.db import Database
from contracts.documents import FOLDER, in_folder
from deploy.evidence.figures import Table, figures_of, reason
from deploy.evidence.register import as_json, evidence_of, register, retention_of
from deploy.evidence.report import Pack, report
from deploy.evidence.settings import SERVICES, EvidenceSettings
from deploy.evidence.trails import Proven, prove
from kit.csv_text import Rows, csv_text

_UNREACHED = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_UNREAD = (*_UNREACHED, BaseError, ValueError, KeyError, TypeError)
"""What a store of anchors raises besides, or an object in it that is none."""
_SUMS = "SHA256SUMS"


async def collect(settings: EvidenceSettings) -> Pack:
    """Read all services, one after the other; what cannot be read is named, and the rest is there."""
    tables, trails, missing = register(), [], []
    for service in SERVICES:
        found, proven, absent = await _of_service(service, settings)
        tables += found
        trails += [proven] if proven else []
        missing += absent
    version = in_folder(FOLDER)["openapi/identity.v1.json"]["info"]["version"]
    return Pack(datetime.now(UTC), version, tables, trails, missing)


async def _of_service(service: str, settings: EvidenceSettings) -> tuple[list[Table], Proven | None, list[str]]:
    database = Database(settings.database_of(service), pool_size=1)
    tables: list[Table] = []
    missing: list[str] = []
    try:
        async with database.read() as tx:
            tables, missing = await figures_of(tx, evidence_of(service), retention_of(service))
        async with database.read() as tx:
            return tables, await prove(tx, service, settings), missing
    except _UNREAD as error:
        what = "审计链没有验证" if tables else "数据库没有读到，它的数字和审计链都不在包里"
        return tables, None, [*missing, f"{service}：{what}（{reason(error)}）。"]
    finally:
        await database.close()


def write(pack: Pack, folder: Path) -> None:
    """Write the pack into a folder that is new or empty."""
    for table in pack.tables:
        rows: Rows = [table.columns, *([_cell(value) for value in row] for row in table.rows)]
        _write(folder / f"{table.path}.csv", csv_text(rows))
        _write(folder / f"{table.path}.json", as_json(table.as_json()))
    _write_trails(folder, pack.trails)
    about = {"version": pack.version, "made_at": pack.made_at.isoformat(), "missing": [*pack.missing]}
    _write(folder / "pack.json", as_json(about | {"is_whole": pack.is_whole}))
    _write(folder / "report.zh.md", report(pack))
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    sums = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n" for file in files)
    _write(folder / _SUMS, "".join(sums))


def _write_trails(folder: Path, trails: Sequence[Proven]) -> None:
    rows = [asdict(each) for each in trails]
    _write(folder / "trails.json", as_json(rows))
    shown = [[_cell(value) for name, value in row.items() if name != "named"] for row in rows]
    header = [name for name in Proven.__dataclass_fields__ if name != "named"]
    _write(folder / "trails.csv", csv_text([header, *shown]))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="")


def _cell(value: object) -> str | int | None:
    return value if value is None or (isinstance(value, int) and not isinstance(value, bool)) else str(value)
