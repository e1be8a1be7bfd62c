"""The reference provider as a company runs it: its own commands, a process that is killed and started again."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from chassis.db import Database
from deploy.local.programs import Program, running
from svc_services.providers.conformance.worker import run_due
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.providers.conformance.examined import Applicant, applied, prober

MODULE = [sys.executable, "-m", "contracts.reference_provider"]


@contextlib.contextmanager
def sandbox(applicant: Applicant, platform: Platform, folder: Path) -> Iterator[None]:
    program = Program(
        name="sandbox of a company",
        command=[
            *(*MODULE, "serve", "--sandbox", "--state", str(folder)),
            *("--platform", platform.url, "--port", str(applicant.port)),
        ],
        where=applicant.url,
        ready=lambda: _is_alive(applicant.url),
        stop_signal=signal.SIGKILL,
    )
    with running(program, folder / "log"):
        yield


def _is_alive(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/livez").is_success
    return False


async def test_a_sandbox_killed_and_restarted_in_the_middle_passes(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    (tmp_path / "sandbox.json").write_text(json.dumps(applicant.sandbox))
    run_id = await applicant.start()
    with sandbox(applicant, platform, tmp_path):
        await run_due(database, prober(platform))
    assert (await applicant.resume(run_id)).status_code == 200
    with sandbox(applicant, platform, tmp_path):
        await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    assert (report["status"], report["failed_rules"]) == ("passed", [])


def test_the_sandbox_is_not_served_before_it_is_named(tmp_path: Path) -> None:
    tried = subprocess.run(  # noqa: S603 - our own command
        [*MODULE, "serve", "--sandbox", "--state", str(tmp_path), "--port", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (tried.returncode, tried.stderr) == (1, "There is no sandbox yet; name it with the command sandbox.\n")
