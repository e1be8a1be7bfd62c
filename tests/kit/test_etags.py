"""Entity tags as RFC 9110 compares them: strongly for If-Match, weakly for If-None-Match."""

import pytest
from fastapi import Request
from pydantic import BaseModel

from kit.etags import EditedMeanwhile, cacheable, etag_of, etag_of_content, is_known, require_unchanged


class Answer(BaseModel):
    name: str


def request_with(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize("sent", [None, "*", " * ", '"7"', '"6", "7"', '"6","7" ,"8"', '"a,b", "7"', ', "7",'])
def test_a_change_of_the_state_that_was_read_is_taken(sent: str | None) -> None:
    require_unchanged(sent, etag_of(7))


@pytest.mark.parametrize(
    "sent", ["", "7", '"6"', 'W/"7"', 'w/"7"', '"7', '7"', '"6", W/"7"', '"6,"7",8"', '"77"', '"7" "7"', '"*"']
)
def test_a_change_of_any_other_state_is_refused(sent: str) -> None:
    with pytest.raises(EditedMeanwhile):
        require_unchanged(sent, etag_of(7))


@pytest.mark.parametrize("sent", ["*", '"7"', 'W/"7"', '"6", W/"7"', '"a,b","7"'])
def test_a_state_the_client_has_is_known(sent: str) -> None:
    assert is_known(sent, etag_of(7))


@pytest.mark.parametrize("sent", [None, "", "7", '"6"', 'w/"7"', 'W/ "7"', '"7', '"6,"7",8"', '"6", 7'])
def test_any_other_state_is_not_known(sent: str | None) -> None:
    assert not is_known(sent, etag_of(7))


def test_the_tag_of_content_changes_with_it_alone() -> None:
    assert etag_of_content(b"one") == etag_of_content(b"one")
    assert etag_of_content(b"one") != etag_of_content(b"two")


def test_an_answer_comes_once_and_then_as_304_until_it_changes() -> None:
    first = cacheable(request_with(), Answer(name="one"), seconds=60)
    assert (first.status_code, first.body) == (200, b'{"name":"one"}')
    assert first.headers["cache-control"] == "public, max-age=60"
    again = cacheable(request_with(if_none_match=first.headers["etag"]), Answer(name="one"), seconds=60)
    assert (again.status_code, again.body) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (first.headers["etag"], "public, max-age=60")
    changed = cacheable(request_with(if_none_match=first.headers["etag"]), Answer(name="two"), seconds=60)
    assert changed.status_code == 200
