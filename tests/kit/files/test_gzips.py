"""Gzip read to its end, or refused."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import ContentTooLarge
from kit.files.gzips import gunzipped
from kit.files.refusals import GzipBroken

LIMIT = 1024 * 1024


def unpacked(content: bytes) -> bytes:
    return b"".join(gunzipped(io.BytesIO(content), LIMIT))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_members_put_together_are_one_file(members: list[bytes]) -> None:
    assert unpacked(b"".join(map(gzip.compress, members))) == b"".join(members)


@given(st.binary(max_size=100), st.binary(min_size=1, max_size=600))
def test_nothing_else_may_follow(content: bytes, more: bytes) -> None:
    """`gzip.decompress` skips zeros here, other readers stop with an error."""
    with pytest.raises(GzipBroken):
        unpacked(gzip.compress(content) + more)


@given(st.binary(max_size=100), st.data())
def test_a_cut_file_is_refused(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    with pytest.raises(GzipBroken):
        unpacked(packed[: data.draw(st.integers(0, len(packed) - 1))])


def test_a_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(ContentTooLarge):
        unpacked(gzip.compress(bytes(LIMIT + 1)))
