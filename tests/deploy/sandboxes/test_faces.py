"""The face verifier's stand-in, as a process."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.sandboxes.processes import Sandbox

OWN, OTHER = "654002199001010012", "654002199001010020"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Sandbox("faces", tmp_path_factory.mktemp("faces")).running() as client:
        yield client


def opened(faces: httpx.Client, **changes: str) -> dict[str, Any]:
    order = {"order_id": str(uuid.uuid4()), "name": "测试居民", "id_number": OWN} | changes
    answer = faces.post("/sessions", json=order)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = order | answer.json()
    return session


def result(faces: httpx.Client, session: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = faces.post("/results", json={"session_id": session["session_id"]}).json()
    return answer


def test_a_result_repeats_what_was_asked(faces: httpx.Client) -> None:
    session = opened(faces)
    assert result(faces, session)["result"] == "pending"
    faces.post("/captures", json={"sdk_token": session["sdk_token"], "face_of": OWN}).raise_for_status()
    asked = {name: session[name] for name in ("order_id", "name", "id_number")}
    assert result(faces, session) == asked | {"result": "passed"}


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"face_of": OTHER}, "other_person"),
        ({"outcome": "not_alive"}, "not_alive"),
        ({"outcome": "declined"}, "declined"),
    ],
)
def test_what_is_not_the_persons_face_does_not_pass_and_uses_the_token_up(
    faces: httpx.Client, shown: dict[str, str], said: str
) -> None:
    session = opened(faces)
    faces.post("/captures", json={"sdk_token": session["sdk_token"], **shown}).raise_for_status()
    again = faces.post("/captures", json={"sdk_token": session["sdk_token"], "face_of": OWN})
    assert (again.status_code, again.json()["code"]) == (409, "token_used")
    assert result(faces, session)["result"] == said


def test_an_order_is_about_one_person(faces: httpx.Client) -> None:
    session = opened(faces)
    assert opened(faces, order_id=session["order_id"]) == session
    about_another = {"order_id": session["order_id"], "name": "测试居民", "id_number": OTHER}
    assert faces.post("/sessions", json=about_another).json()["code"] == "order_reused"


def test_sessions_survive_a_crash(tmp_path: Path) -> None:
    sandbox = Sandbox("faces", tmp_path)
    with sandbox.running() as faces:
        session = opened(faces)
        faces.post("/captures", json={"sdk_token": session["sdk_token"], "face_of": OWN}).raise_for_status()
    with sandbox.running() as faces:
        assert result(faces, session)["result"] == "passed"
        assert faces.post("/results", json={"session_id": "unknown"}).status_code == 404


def test_it_fails_on_command(faces: httpx.Client) -> None:
    session = opened(faces)
    faces.post("/faults", json={"expired": 1, "other_subject": 1}).raise_for_status()
    changed = result(faces, session)
    assert (changed["result"], changed["order_id"] != session["order_id"]) == ("passed", True)
    assert result(faces, session)["result"] == "pending"
