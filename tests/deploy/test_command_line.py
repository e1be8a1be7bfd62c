import sys
from pathlib import Path

import pytest

from deploy.local.__main__ import main

ASK_THE_DATABASE = """
import asyncio, asyncpg, os, sys
async def ask():
    connection = await asyncpg.connect(os.environ["MYILI_DATABASE_ADMIN_URL"] + "/postgres")
    version = await connection.fetchval("SHOW server_version_num")
    await connection.close()
    return int(version) // 10000
sys.exit(asyncio.run(ask()))
"""


def test_a_command_runs_beside_a_database_and_its_exit_code_is_kept() -> None:
    assert main(["with-postgres", sys.executable, "-c", ASK_THE_DATABASE]) == 18


def test_an_unknown_command_is_answered_with_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk"]) == 2
    assert "usage:" in capsys.readouterr().err


def test_books_are_verified_of_a_platform_that_runs_and_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYILI_DATA", str(tmp_path))
    assert main(["verify-ledger"]) == 2
    assert capsys.readouterr().err == f"No platform runs on {tmp_path}; start it with `make run`.\n"
    assert list(tmp_path.iterdir()) == []
