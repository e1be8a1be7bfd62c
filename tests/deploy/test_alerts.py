"""Alert rules hang on metrics that processes export, and the manual says in both languages what to do for each."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest
from ruamel.yaml import YAML

import chassis.service
import gateway.app
import svc_identity.worker
import svc_payments.worker
import svc_services.worker
from contracts.compatibility.document import METHODS
from svc_payments.operations.dashboard import gauges

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/compose"
MANUAL = (ROOT / "docs/operations.md").read_text("utf-8")
CHINESE, ENGLISH = MANUAL.split("\n## English\n")
PARTS = {"zh": ("含义", "查看", "处理", "决定", "切勿"), "en": ("Means", "Look", "Do", "Decides", "Never")}
# Each is imported for what it exports.
PROCESSES = (chassis.service, gateway.app, svc_identity.worker, svc_payments.worker, svc_services.worker)


def rules() -> dict[str, dict[str, Any]]:
    groups = YAML(typ="safe").load(COMPOSE / "alerts.yaml")["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^#### (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def exported() -> set[str]:
    """Every series' name that some process shows at /metrics, with what Prometheus adds to it."""
    types = re.findall(r"^# TYPE (\w+) (\w+)$", generate_latest(REGISTRY).decode(), re.MULTILINE)
    endings = {"histogram": ("_bucket", "_count", "_sum")}
    return {f"{name}{ending}" for name, kind in types for ending in endings.get(kind, ("",))}


def test_every_metric_of_a_rule_is_exported() -> None:
    assert PROCESSES
    known = exported() | {"up"}
    for name, rule in rules().items():
        used = set(re.findall(r"\bmyili_\w+", rule["expr"])) or {"up"}
        assert used <= known, name


def test_the_label_values_of_rules_are_exported() -> None:
    values = {
        *gauges.WAITS_FOR_PEOPLE,
        *gauges.WAITS_FOR_OTHERS,
        *gauges.TO_BE_PAID,
        "open",
        "counted",
        "closed",
    }
    for name, rule in rules().items():
        for statuses in re.findall(r'myili_(?:refunds|till|settlements)\w*{status=~?"([\w|]+)"}', rule["expr"]):
            assert set(statuses.split("|")) <= values, name


def test_every_rule_says_how_urgent_it_is_and_what_it_is() -> None:
    for name, rule in rules().items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert rule["annotations"]["summary"], name


@pytest.mark.parametrize(("language", "text"), [("zh", CHINESE), ("en", ENGLISH)])
def test_every_alert_has_its_section_and_every_section_its_alert(language: str, text: str) -> None:
    found = sections(text)
    assert found.keys() == rules().keys()
    for name, section in found.items():
        missing = [part for part in PARTS[language] if f"**{part}**" not in section]
        assert missing == [], name


def requests_in(text: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"`(GET|POST|PUT|DELETE) (/[^\s`?]+)", text)


@pytest.mark.parametrize(
    "guide", ["docs/operations.md", "docs/guides/counters-and-books.md", "docs/guides/app-developers.md"]
)
def test_every_request_that_people_are_told_of_is_in_the_contracts(guide: str) -> None:
    offered = set()
    for contract in (ROOT / "contracts/openapi").glob("*.json"):
        for path, operations in json.loads(contract.read_text("utf-8"))["paths"].items():
            offered |= {(method.upper(), path) for method in METHODS if method in operations}
    named = set(requests_in((ROOT / guide).read_text("utf-8")))
    assert named
    assert named - offered == set()


def test_both_languages_name_the_same_requests() -> None:
    assert set(requests_in(CHINESE)) == set(requests_in(ENGLISH))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Debian's package prometheus, is not here")
@pytest.mark.parametrize(("check", "file"), [("rules", "alerts.yaml"), ("config", "prometheus.yaml")])
def test_prometheus_reads_the_files(check: str, file: str) -> None:
    checked = subprocess.run(["promtool", "check", check, file], cwd=COMPOSE, capture_output=True, check=False)  # noqa: S603, S607
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_watches_every_process_of_the_platform() -> None:
    services = YAML(typ="safe").load(COMPOSE / "compose.yaml")["services"]
    watched = {job["job_name"] for job in YAML(typ="safe").load(COMPOSE / "prometheus.yaml")["scrape_configs"]}
    ours = {name for name, service in services.items() if service.get("image", "").startswith("my-ili")}
    one_off = {name for name, service in services.items() if service.get("restart") == "no" or "profiles" in service}
    assert watched == ours - one_off


@pytest.mark.parametrize("name", ["gateway", "identity", "services", "payments", "miniapps"])
def test_metrics_are_on_a_port_that_answers_no_requests_and_is_not_published(name: str) -> None:
    services = YAML(typ="safe").load(COMPOSE / "compose.yaml")["services"]
    jobs = YAML(typ="safe").load(COMPOSE / "prometheus.yaml")["scrape_configs"]
    [target] = next(job for job in jobs if job["job_name"] == name)["static_configs"][0]["targets"]
    assert target == f"{name}:{services[name]['environment']['MYILI_METRICS_PORT']}"
    assert target != f"{name}:8000"
    published = [each.rsplit(":", 1)[1] for each in services[name].get("ports", [])]
    assert published == (["8000"] if name == "gateway" else [])
