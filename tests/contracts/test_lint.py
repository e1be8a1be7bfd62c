"""The linters of the documents: they refuse what their rules name, and report when they are absent."""

import copy
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.documents import FOLDER, in_folder
from contracts.lint.__main__ import HERE, QUIET, TOOLS, main

DOCUMENT = in_folder(FOLDER)["openapi/miniapps.v1.json"]
installed = pytest.mark.skipif(
    not (TOOLS / "installed").exists() and not os.environ.get("CI"),
    reason="Redocly and Spectral are installed by `make lint` where Node.js is",
)


def one(document: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"]["/miniapps/v1/apps"]["post"]
    return operation


FAULTS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "who-may-call": ("spectral", lambda d: one(d).pop("x-who-may-call")),
    "refusals-are-declared": ("spectral", lambda d: one(d)["responses"].pop("default")),
    "refusals-are-problems": ("spectral", lambda d: one(d)["responses"]["default"]["content"].clear()),
    "idempotency-key-is-required": (
        "spectral",
        lambda d: [parameter.update(required=False) for parameter in one(d)["parameters"]],
    ),
    "summary-is-a-title": ("spectral", lambda d: one(d).update(summary="be registered.")),
    "plain-schema-names": (
        "spectral",
        lambda d: d["components"]["schemas"].update(svc_miniapps__apps__App=d["components"]["schemas"].pop("Problem")),
    ),
    "operation-tag-defined": ("redocly", lambda d: d.update(tags=[])),
    "no-unused-components": ("redocly", lambda d: d["components"]["schemas"].update(Unused={"type": "object"})),
    "security-defined": ("redocly", lambda d: one(d).pop("security")),
}


@installed
@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_is_found_by_its_rule(rule: str, tmp_path: Path) -> None:
    program, plant = FAULTS[rule]
    document = copy.deepcopy(DOCUMENT)
    plant(document)
    (tmp_path / "planted.json").write_text(json.dumps(document), "utf-8")
    option, form = ("--config", "stylish") if program == "redocly" else ("--ruleset", "text")
    binary, rules, planted = (
        TOOLS / "node_modules" / ".bin" / program,
        HERE / f"{program}.yaml",
        tmp_path / "planted.json",
    )
    done = subprocess.run(  # noqa: S603 - a fixed command
        [binary, "lint", option, rules, "--format", form, planted],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert rule in done.stdout + done.stderr


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_node_the_linters_are_skipped_and_ci_fails(
    ci: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    assert main() == code
    assert "skipped, because node and npm cannot be found" in capsys.readouterr().out
