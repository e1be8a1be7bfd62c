"""The linters of the documents: they refuse what their rules name, and report when they are absent."""

import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.documents import FOLDER, in_folder
from contracts.lint.__main__ import HERE, QUIET, TOOLS, main

DOCUMENT = in_folder(FOLDER)["openapi/miniapps.v1.json"]
installed = pytest.mark.skipif(
    not (TOOLS / "installed").exists() and not os.environ.get("CI"),
    reason="Redocly and Spectral are installed by `make test` where Node.js is",
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


def lint(program: str, option: str, planted: list[Path]) -> Iterator[Any]:
    """The JSON values that a linter prints: Spectral one, Redocly one for each file."""
    command = [TOOLS / "node_modules/.bin" / program, "lint", option, HERE / f"{program}.yaml", "--format", "json"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*map(str, command), *map(str, planted)],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    rest = done.stdout.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        yield value
        rest = rest[end:].strip()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """(name of the planted file, rule that found a fault in it): each linter runs once, because it starts slowly."""
    files: dict[str, list[Path]] = {"redocly": [], "spectral": []}
    for rule, (program, plant) in FAULTS.items():
        document = copy.deepcopy(DOCUMENT)
        plant(document)
        file = tmp_path_factory.getbasetemp() / f"{rule}.json"
        file.write_text(json.dumps(document), "utf-8")
        files[program].append(file)
    problems = [each for report in lint("redocly", "--config", files["redocly"]) for each in report["problems"]]
    (faults,) = lint("spectral", "--ruleset", files["spectral"])
    by_redocly = {(Path(problem["location"][0]["source"]["ref"]).stem, problem["ruleId"]) for problem in problems}
    return by_redocly | {(Path(fault["source"]).stem, fault["code"]) for fault in faults}


@installed
@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_is_found_by_its_rule(rule: str, found: set[tuple[str, str]]) -> None:
    assert (rule, rule) in found


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_node_the_linters_are_skipped_and_ci_fails(
    ci: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    assert main() == code
    assert "skipped, because node and npm cannot be found" in capsys.readouterr().out
