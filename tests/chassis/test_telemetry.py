"""What reaches a log: enough to find a fault, and nothing that belongs to a person."""

import json
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from chassis.telemetry import SecurityEvent, continue_trace, traceparent, well_formed_request_id

# In a process of its own, because logging is set up once for a process.
_PROGRAM = """
from chassis.settings import ProcessSettings
from chassis.telemetry import configure, log

configure(ProcessSettings(public_url="http://gateway.test", jwks_url="http://gateway.test/keys"), "bench")
log.info("signed_in", phone="13800000001", holder_name="测试居民", id_number="x", access_token="t", route="/me")
try:
    raise ValueError("no such person: 测试居民")
except ValueError as error:
    log.error("failed", exc_info=error)
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_personal_data_and_secrets_are_redacted_by_their_names(lines: list[dict[str, object]]) -> None:
    signed_in = lines[0]
    hidden = {name for name, value in signed_in.items() if value == "[redacted]"}
    assert hidden == {"phone", "holder_name", "id_number", "access_token"}
    assert (signed_in["event"], signed_in["route"], signed_in["process"]) == ("signed_in", "/me", "bench")


def test_an_error_is_told_by_its_type_and_place_and_never_by_its_message(lines: list[dict[str, object]]) -> None:
    failed = lines[1]
    assert failed["error"] == "ValueError"
    assert failed["frames"] == ["<string>:8"]
    assert "测试居民" not in json.dumps(failed, ensure_ascii=False)


@pytest.mark.parametrize("unsafe", ["", "short", "a" * 65, "line\nbreak-in-it", "<script>alert(1)</script>"])
def test_a_request_id_that_is_not_safe_to_log_is_replaced(unsafe: str) -> None:
    assert well_formed_request_id(unsafe) != unsafe


def test_only_a_well_formed_trace_is_continued() -> None:
    continue_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert traceparent() == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    continue_trace("00-forged\r\nline")
    assert traceparent() is None


_SECURITY_PROGRAM = """
from uuid import UUID
from chassis.settings import ProcessSettings
from chassis.telemetry import SecurityEvent, configure, log

configure(ProcessSettings(public_url="http://x", jwks_url="http://x", log_level="CRITICAL"), "bench")
log.error("hidden_by_its_level")
SecurityEvent("tried").record("wrong_key", key_id=UUID(int=1), provider_id=None, phone="13800000001")
"""


def test_the_security_log_is_on_stdout_whatever_the_level_and_redacted_too() -> None:
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _SECURITY_PROGRAM], capture_output=True, text=True, check=True
    )
    (line,) = [json.loads(line) for line in ran.stdout.splitlines()]
    assert (ran.stderr, line.pop("timestamp")[-1]) == ("", "Z")
    assert line == {
        "event": "security",
        "level": "info",
        "process": "bench",
        "kind": "tried",
        "reason": "wrong_key",
        "key_id": "00000000-0000-0000-0000-000000000001",
        "phone": "[redacted]",
    }


def test_a_kind_is_exported_before_its_first_event() -> None:
    event = SecurityEvent("never_happened")
    labels = {"kind": "never_happened"}
    assert REGISTRY.get_sample_value("myili_security_events_total", labels) == 0
    event.record()
    assert REGISTRY.get_sample_value("myili_security_events_total", labels) == 1
