"""The SMS stand-in, as a process."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.deploy.sandboxes.processes import Sandbox

MESSAGE = {"phone": "13800000000", "template": "sign_in_code", "params": {"code": "123456", "minutes": 5}}
numbers = count(13800000001)


@pytest.fixture
def phone() -> str:
    return str(next(numbers))


@pytest.fixture(scope="module")
def sms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Sandbox("sms", tmp_path_factory.mktemp("sms")).running() as client:
        yield client


def codes(sms: httpx.Client, phone: str) -> list[str]:
    return [message["params"]["code"] for message in sms.get("/messages", params={"phone": phone}).json()["items"]]


def send(sms: httpx.Client, phone: str, code: str) -> httpx.Response:
    return sms.post("/messages", json={**MESSAGE, "phone": phone, "params": {"code": code}})


def test_the_handset_shows_the_newest_message_first(sms: httpx.Client, phone: str) -> None:
    assert [send(sms, phone, code).status_code for code in ("111111", "222222")] == [202, 202]
    assert codes(sms, phone) == ["222222", "111111"]


def test_a_message_comes_as_it_was_sent(sms: httpx.Client, phone: str) -> None:
    assert sms.get("/messages", params={"phone": phone}).json() == {"items": []}
    sent = {**MESSAGE, "phone": phone}
    message_id = sms.post("/messages", json=sent).json()["message_id"]
    (message,) = sms.get("/messages", params={"phone": phone}).json()["items"]
    assert message.pop("sent_at").endswith("Z")
    assert message == {**sent, "message_id": message_id}


@pytest.mark.parametrize("prefix", ["", "86", "%2B86", "+86", "0086"])
def test_one_handset_answers_to_every_way_of_writing_its_number(sms: httpx.Client, phone: str, prefix: str) -> None:
    send(sms, phone, "111111")
    send(sms, f"+86{phone}", "222222")
    assert len(sms.get(f"/messages?phone={prefix}{phone}").json()["items"]) == 2


def test_messages_survive_a_crash_of_the_process(tmp_path: Path, phone: str) -> None:
    sandbox = Sandbox("sms", tmp_path)
    with sandbox.running() as sms:
        send(sms, phone, "111111")
    with sandbox.running() as sms:
        assert codes(sms, phone) == ["111111"]


def test_a_handset_keeps_its_newest_twenty(sms: httpx.Client, phone: str) -> None:
    other = str(next(numbers))
    send(sms, other, "000000")
    for number in range(25):
        send(sms, phone, f"{number:06}")
    assert codes(sms, phone) == [f"{number:06}" for number in range(24, 4, -1)]
    assert codes(sms, other) == ["000000"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"phone": "not a phone", "template": "a", "params": {}}', 422),
        (b'{"phone": "13800000001", "template": "", "params": {}}', 422),
        (b'{"phone": "13800000001", "template": "a", "params": {"code": ["1"]}}', 422),
        (b"[" * 70_000, 413),
        (b"[" * 60_000, 400),
        (b"\xff", 400),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(sms: httpx.Client, body: bytes, status: int) -> None:
    answer = sms.post("/messages", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json" or status == 413


def test_it_fails_and_loses_messages_on_command(sms: httpx.Client, phone: str) -> None:
    assert sms.post("/faults", json={"unavailable": 1, "lost": 1}).status_code == 200
    assert [send(sms, phone, code).status_code for code in ("111111", "222222", "333333")] == [503, 202, 202]
    assert codes(sms, phone) == ["333333"]
    assert sms.get("/faults").json() == {"delay_seconds": 0, "unavailable": 0, "lost": 0}


def test_it_is_slow_on_command(sms: httpx.Client) -> None:
    sms.post("/faults", json={"delay_seconds": 30})
    with pytest.raises(httpx.ReadTimeout):
        sms.post("/messages", json=MESSAGE, timeout=0.3)
    sms.post("/faults", json={})
    assert sms.post("/messages", json=MESSAGE).status_code == 202


@pytest.mark.parametrize("faults", [{"typo": 1}, {"lost": -1}, {"lost": 0.5}, {"lost": True}, {"delay_seconds": "1"}])
def test_a_fault_it_does_not_know_is_refused(sms: httpx.Client, faults: dict[str, object]) -> None:
    assert sms.post("/faults", json=faults).status_code == 422


def test_phone_numbers_stay_out_of_its_log(tmp_path: Path, phone: str) -> None:
    sandbox = Sandbox("sms", tmp_path)
    with sandbox.running() as sms:
        send(sms, phone, "111111")
        codes(sms, phone)
    log = sandbox.log.read_text()
    assert '"GET /messages HTTP/1.1" 200' in log
    assert phone not in log


@pytest.mark.parametrize("caller", ["203.0.113.7", "not an address"])
def test_codes_and_faults_are_for_callers_on_this_machine(sms: httpx.Client, phone: str, caller: str) -> None:
    headers = {"X-Forwarded-For": caller}
    refused = (sms.get(f"/messages?phone={phone}", headers=headers), sms.post("/faults", json={}, headers=headers))
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "loopback_only")] * 2


def test_health(sms: httpx.Client) -> None:
    assert [sms.get(path).status_code for path in ("/livez", "/readyz", "/nothing")] == [200, 200, 404]


@pytest.mark.parametrize("name", ["sms", "registries", "payment_channel"])
def test_a_missing_setting_is_one_sentence(name: str) -> None:
    command = [sys.executable, "-m", "uvicorn", "--factory", f"deploy.local.sandboxes.{name}:create_app"]
    ended = subprocess.run(command, env={}, capture_output=True, text=True, check=False)  # noqa: S603 - fixed command
    assert ended.returncode == 1
    assert ended.stderr == "MYILI_SANDBOX_STATE is not set: the folder where the sandboxes keep their files.\n"


@pytest.mark.parametrize("name", ["sms", "registries", "payment_channel"])
def test_it_loads_nothing_heavy(name: str) -> None:
    heavy = "{'fastapi', 'httpx', 'pydantic', 'sqlalchemy', 'joserfc', 'asyncpg'}"
    code = f"import sys, deploy.local.sandboxes.{name}; print(sorted({heavy} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    assert ended.stdout == "[]\n"
