"""Commands by which the company has its system examined before it is connected."""

import argparse
import json
import time
from typing import Any

from contracts.reference_provider.changes import Command
from contracts.reference_provider.client import PlatformError
from contracts.reference_provider.state import (
    SANDBOX,
    application_token,
    client_of,
    filed_application,
    show,
    write_private,
)

POLL_SECONDS = 1.0
MARKS = {"passed": "✓", "failed": "✗", "not_tried": "–"}


def sandbox_commands(command: Command) -> None:
    naming = command("sandbox", name_sandbox, "name the test system and store the accounts invented for it")
    naming.add_argument("--endpoint-url", required=True, help="where `serve --sandbox` answers")
    examining = command("examine", examine, "start or resume a conformance run and print its report")
    examining.add_argument("--resume", action="store_true", help="go on after the test system was restarted")
    examining.add_argument("--language", default="en", help="of the sentences: zh, en, kk-Arab or ug")
    examining.add_argument("--wait", type=float, default=600, help="seconds to wait for the platform")


def name_sandbox(options: argparse.Namespace) -> None:
    named = client_of(options).of_application(
        "POST", _application_id(options), application_token(options), "sandbox", {"endpoint_url": options.endpoint_url}
    )
    write_private(options.state / SANDBOX, named)
    show(named)


def sandbox_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the platform invented for the test system.

    Raises:
        PlatformError: nothing yet.
    """
    path = options.state / SANDBOX
    if not path.exists():
        raise PlatformError("There is no sandbox yet; name it with the command sandbox.")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def examine(options: argparse.Namespace) -> None:
    resumed = f"conformance-runs/{_newest_run(options)}/resume" if options.resume else ""
    run = _send(options, "POST", resumed or "conformance-runs")
    deadline = time.monotonic() + options.wait
    while run["status"] in {"queued", "resumed"} and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        run = _send(options, "GET", f"conformance-runs/{run['run_id']}")
    for rule in run["rules"]:
        finding = f" {rule['finding']}" if rule["finding"] else ""
        print(f"{MARKS[rule['outcome']]} {rule['rule']}: {rule['requirement']}{finding}")
    print(f"{run['run_id']}: {run['status']}")
    if run["status"] == "awaiting_restart":
        print(f"Restart the test system, then run `examine --resume` before {run['continue_before']}.")
    if run["status"] == "failed":
        raise PlatformError("The run was not passed.")


def _newest_run(options: argparse.Namespace) -> str:
    runs = _send(options, "GET", "conformance-runs")["items"]
    if not runs:
        raise PlatformError("There is no run yet; start one with the command examine.")
    return str(runs[0]["run_id"])


def _send(options: argparse.Namespace, method: str, operation: str) -> dict[str, Any]:
    client, token = client_of(options), application_token(options)
    return client.of_application(method, _application_id(options), token, operation, language=options.language)


def _application_id(options: argparse.Namespace) -> str:
    filed = filed_application(options)
    if not filed:
        raise PlatformError("There is no application yet; file one with the command apply.")
    return str(filed["application_id"])
