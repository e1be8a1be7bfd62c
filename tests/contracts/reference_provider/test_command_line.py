"""What the company's command line sends, writes and says."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.reference_provider.client import load_key
from contracts.reference_provider.numbering import NUMBERINGS
from tests.contracts.reference_provider.platform_stand_in import PROVIDER_ID, REPORT, Answers

ROOT = Path(__file__).parents[3]


@pytest.fixture
def platform() -> Iterator[Answers]:
    with Answers().running() as answers:
        yield answers


def run(folder: Path, platform: str, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = [command, "--state", str(folder), "--platform", platform, *more]
    return subprocess.run(  # noqa: S603 - fixed command
        [sys.executable, "-m", "contracts.reference_provider", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
    )


COMPANY = ["--uscc", "91654002MA0000001F", "--name", "测试水务公司", "--kind", "water", "--divisions", "654002,654003"]
APPLICATION = [*COMPANY, "--endpoint-url", "https://company.test/my-ili"]


class TestCommandLine:
    def test_from_a_key_to_a_report(self, platform: Answers, tmp_path: Path) -> None:
        filed: dict[str, Any] = {"application_id": "5", "application_token": "secret", "provider_id": None}
        platform.on("POST", "/services/v1/provider-applications", filed, 201)
        platform.on("GET", "/services/v1/provider-applications/5", {"provider_id": PROVIDER_ID})
        platform.on("POST", "/services/v1/tariffs", {"tariff_id": "1"}, 201)
        platform.on("PUT", "/payments/v1/bill-files/bills.csv", REPORT)

        keys = run(tmp_path, platform.url, "keys")
        applied = run(tmp_path, platform.url, "apply", *APPLICATION)
        shown = run(tmp_path, platform.url, "application")
        priced = run(tmp_path, platform.url, "publish-tariff", "--kind", "water", "--effective-from", "2026-01-01")
        bills = ["--rows", "200", "--seed", "4", "--encoding", "gb18030", "--out", str(tmp_path / "bills.csv")]
        generated = run(tmp_path, platform.url, "generate-bills", *bills)
        sent = run(tmp_path, platform.url, "upload", str(tmp_path / "bills.csv"), "--encoding", "gb18030")

        assert [step.stderr for step in (keys, applied, shown, priced, generated, sent)] == [""] * 6
        assert json.loads(sent.stdout) == REPORT
        application = json.loads(platform.to("POST", "/services/v1/provider-applications")[0].body)
        assert application["jwks"] == json.loads(keys.stdout)
        assert (application["name"], application["division_codes"]) == ("测试水务公司", ["654002", "654003"])
        assert application["customer_parameters"] == NUMBERINGS["water"].customer_parameters
        assert "secret" not in applied.stdout + shown.stdout
        uploaded = platform.to("PUT", "/payments/v1/bill-files/bills.csv")[0].body
        assert hashlib.sha256(uploaded).hexdigest() == json.loads(generated.stdout)["sha256"]

    def test_secrets_are_readable_by_the_company_alone(self, platform: Answers, tmp_path: Path) -> None:
        platform.on("POST", "/services/v1/provider-applications", {"application_token": "secret"}, 201)
        run(tmp_path, platform.url, "keys")
        run(tmp_path, platform.url, "apply", *APPLICATION)
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
        assert modes == {"key.json": "0o600", "application.json": "0o600"}

    def test_a_key_is_never_replaced(self, tmp_path: Path) -> None:
        run(tmp_path, "http://127.0.0.1:9", "keys")
        kept = load_key(tmp_path / "key.json").thumbprint()
        again = run(tmp_path, "http://127.0.0.1:9", "keys")
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.endswith("already, by which the platform knows the company.\n")
        assert load_key(tmp_path / "key.json").thumbprint() == kept

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["application"], "There is no application yet; file one with the command apply.\n"),
            (["upload", "bills.csv", "--encoding", "utf-8"], "make one with the command keys.\n"),
            (
                ["generate-bills", "--rows", "10", "--out", "/nowhere/a.csv"],
                "/nowhere/a.csv: No such file or directory.\n",
            ),
            (["generate-bills", "--rows", "1000001", "--out", "a.csv"], "holds 1 to 1000000 rows, not 1000001.\n"),
            (["generate-bills", "--rows", "5", "--period", "October", "--out", "a.csv"], "is no month like 2025-10.\n"),
        ],
    )
    def test_what_goes_wrong_is_one_sentence(self, tmp_path: Path, arguments: list[str], sentence: str) -> None:
        ended = run(tmp_path, "http://127.0.0.1:9", *arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.endswith(sentence)
        assert ended.stderr.count("\n") == 1

    @pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
    def test_a_large_file_needs_little_memory(self, platform: Answers, tmp_path: Path) -> None:
        large = tmp_path / "large.csv"
        with large.open("wb") as file:
            file.truncate(300 * 1024 * 1024)
        run(tmp_path, platform.url, "keys")
        (tmp_path / "application.json").write_text(json.dumps({"provider_id": PROVIDER_ID}))
        at = "/payments/v1/bill-file-uploads"
        platform.on("GET", at, {"items": [], "next_cursor": None})
        platform.on("PUT", "/payments/v1/bill-files/large.csv", b"", 201, Location=f"{at}/1")
        for _ in range(74):
            platform.on("PATCH", f"{at}/1", b"", 204)
        platform.on("PATCH", f"{at}/1", REPORT)
        arguments = ["upload", str(large), "--state", str(tmp_path), "--platform", platform.url, "--encoding", "utf-8"]
        # The highest memory of a process since it began, in KiB; what wait4 says counts its parent's too.
        peak = "open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]"
        code = f"from contracts.reference_provider.__main__ import main; main({arguments}); print({peak})"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
        assert int(ended.stdout.split()[-1]) < 150 * 1024
        pieces = platform.to("PATCH", f"{at}/1")
        assert sum(piece.size for piece in pieces) == 300 * 1024 * 1024
        assert [piece.headers["Upload-Complete"] for piece in pieces] == [*["?0"] * 74, "?1"]
        assert [int(piece.headers["Upload-Offset"]) for piece in pieces[:3]] == [0, 4 * 1024 * 1024, 8 * 1024 * 1024]
