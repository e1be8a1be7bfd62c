"""The national network identity service's stand-in, as a process."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.deploy.sandboxes.processes import Sandbox

BACK, STATE = "myili://callback", "a-random-value-1234"
OWN, OTHER = "654002199001010012", "654002199001010020"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Sandbox("network_identity", tmp_path_factory.mktemp("network_identity")).running() as client:
        yield client


def opened(network: httpx.Client) -> dict[str, Any]:
    order = {"order_id": str(uuid.uuid4()), "redirect_uri": BACK, "state": STATE}
    answer = network.post("/sessions", json=order)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = order | answer.json()
    return session


def decided(network: httpx.Client, session: dict[str, Any], decision: str, id_number: str = OWN) -> dict[str, str]:
    fields = {"session": session["session_id"], "decision": decision, "name": "测试居民", "id_number": id_number}
    answer = network.post("/authorize", data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def redeemed(network: httpx.Client, session: dict[str, Any], code: str) -> dict[str, Any]:
    answer: dict[str, Any] = network.post("/results", json={"session_id": session["session_id"], "code": code}).json()
    return answer


def test_the_person_comes_back_with_a_code_that_is_good_once_and_here(network: httpx.Client) -> None:
    assert "国家网络身份认证" in network.get(opened(network)["address"]).text
    session, other = opened(network), opened(network)
    back = decided(network, session, "confirm")
    assert back["state"] == STATE
    assert redeemed(network, other, back["code"]) == {"result": "refused"}
    first = redeemed(network, session, back["code"])
    assert (first["result"], first["order_id"]) == ("passed", session["order_id"])
    assert redeemed(network, session, back["code"]) == {"result": "refused"}


def test_a_person_is_known_again_by_a_number_that_holds_nothing_of_them(network: httpx.Client) -> None:
    numbers = []
    for id_number in (OWN, OWN, OTHER):
        session = opened(network)
        back = decided(network, session, "confirm", id_number)
        numbers.append(redeemed(network, session, back["code"])["network_number"])
    assert numbers[0] == numbers[1] != numbers[2]
    assert OWN not in numbers[0]


def test_whether_it_is_somebody_is_answered_after_the_code_and_with_yes_or_no(network: httpx.Client) -> None:
    session = opened(network)
    question = {"session_id": session["session_id"], "name": "测试居民", "id_number": OWN}
    assert network.post("/comparisons", json=question).json()["code"] == "not_redeemed"
    redeemed(network, session, decided(network, session, "confirm")["code"])
    assert network.post("/comparisons", json=question).json() == {"matches": True}
    assert network.post("/comparisons", json=question | {"id_number": OTHER}).json() == {"matches": False}
    assert network.post("/comparisons", json=question | {"name": "张三"}).json() == {"matches": False}


def test_who_declines_comes_back_without_a_code(network: httpx.Client) -> None:
    assert decided(network, opened(network), "decline") == {"state": STATE, "error": "access_denied"}
