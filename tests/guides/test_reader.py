"""An answer that is not as a guide shows it is noticed."""

from pathlib import Path

import pytest

from tests.guides.markdown import Answer
from tests.guides.reader import Call, differences, fault_of, final_calls

ACTUAL = {"bill_id": "01a2", "amount_fen": 10404, "paid": None, "lines": [{"tier": 1}, {"tier": 2}]}


@pytest.mark.parametrize(
    "shown",
    [
        {"bill_id": "…"},
        {"amount_fen": 10404, "paid": None},
        {"lines": [{"tier": 2}]},
        {"lines": [{"tier": 1}, {"tier": 2}]},
        {"bill_id": "01…"},
    ],
)
def test_a_part_of_the_answer_may_be_shown(shown: object) -> None:
    assert list(differences(shown, ACTUAL, "it")) == []


@pytest.mark.parametrize(
    "shown",
    [
        {"bill": "…"},
        {"amount_fen": 10405},
        {"amount_fen": "…"},
        {"paid": "…"},
        {"bill_id": "02…"},
        {"lines": [{"tier": 3}]},
        {"lines": [{"tier": 2}, {"tier": 1}]},
        {"lines": []},
        {"lines": [{"step": 1}]},
    ],
)
def test_what_the_answer_has_not_is_a_fault(shown: object) -> None:
    assert len(list(differences(shown, ACTUAL, "it"))) == 1


@pytest.mark.parametrize(
    ("status", "headers", "content"),
    [(201, {}, None), (200, {"etag": "…"}, None), (200, {"content-type": "text/html"}, None), (200, {}, {"b": 1})],
)
def test_status_headers_and_content_are_held_to_what_is_shown(
    tmp_path: Path, status: int, headers: dict[str, str], content: object
) -> None:
    kept = tmp_path / "answer"
    kept.write_text('{"a": 1}', "utf-8")
    Path(f"{kept}.head").write_text("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", "latin-1")
    assert fault_of(Answer(200, {"content-type": "application/json"}, {"a": 1}), 200, str(kept)) == ""
    assert fault_of(Answer(status, headers, content), 200, str(kept)) != ""


def test_only_the_last_of_repeated_requests_has_to_succeed() -> None:
    polls = [Call("GET", "/bills", 403), Call("GET", "/bills", 200)]
    refused, change = Call("POST", "/suspend", 409), Call("POST", "/resume", 201)
    assert final_calls([refused, *polls, change]) == [refused, polls[1], change]
    assert final_calls([]) == []
