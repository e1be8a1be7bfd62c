import sys

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
