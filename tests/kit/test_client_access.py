"""Which tokens of a system are refused before they expire."""

import pytest

from chassis.auth import Caller
from kit.client_access import ClientKeyEnded, ClientSuspended, require_client_access


def caller(key: str | None) -> Caller:
    return Caller("1", "client", "1", frozenset(), 0, (), key)


@pytest.mark.parametrize(
    ("key", "ended"), [("one", []), ("one", ["two"]), (None, [])], ids=["no key ended", "another", "token of before"]
)
def test_a_token_of_a_good_key_passes(key: str | None, ended: list[str]) -> None:
    require_client_access(caller(key), suspended=False, ended_keys=ended)


@pytest.mark.parametrize("key", ["one", None])
def test_a_token_of_an_ended_or_unnamed_key_is_refused(key: str | None) -> None:
    with pytest.raises(ClientKeyEnded):
        require_client_access(caller(key), suspended=False, ended_keys=["one"])


def test_every_token_of_a_suspended_client_is_refused() -> None:
    with pytest.raises(ClientSuspended):
        require_client_access(caller("one"), suspended=True, ended_keys=[])
