"""Requests that send bytes: header fields, digests, and the completeness of the body."""

import base64
import hashlib
from collections.abc import AsyncIterator

import pytest
from fastapi import Request
from starlette.types import Message

from kit.uploads.bodies import whole_body
from kit.uploads.digests import digested, sha256_in
from kit.uploads.headers import completes, integer
from kit.uploads.refusals import BadHeader, BodyTruncated, DigestMismatch

CONTENT = b"0123456789"
SHA256 = hashlib.sha256(CONTENT)
DIGEST = f"sha-256=:{base64.b64encode(SHA256.digest()).decode()}:"


@pytest.mark.parametrize(("value", "complete"), [("?0", False), (" ?1 ", True)])
def test_a_request_says_whether_it_is_the_last(value: str, *, complete: bool) -> None:
    assert completes({"upload-complete": value}) is complete


@pytest.mark.parametrize("value", ["", "+1", "1.0", "1e3", "９", "1" * 16])
def test_a_number_of_bytes_is_digits_and_not_too_many(value: str) -> None:
    with pytest.raises(BadHeader):
        integer({"upload-offset": value}, "Upload-Offset")
    assert integer({"upload-offset": " 12 "}, "Upload-Offset") == 12
    assert integer({}, "Upload-Offset") is None


@pytest.mark.parametrize("value", ["{}", "md5=:AAAA:, {}", "{};a=1, sha-512=:AA==:"])
def test_a_digest_is_found_among_others(value: str) -> None:
    found = sha256_in({"repr-digest": value.format(DIGEST)}, "Repr-Digest")
    assert found == SHA256.hexdigest()


def test_two_digests_that_differ_are_refused_and_a_repeated_one_is_one() -> None:
    assert sha256_in({"repr-digest": f"{DIGEST}, {DIGEST}"}, "Repr-Digest") == SHA256.hexdigest()
    other = f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"
    for value in (f"{DIGEST}, {other}", f"{other}, {DIGEST}"):
        with pytest.raises(BadHeader):
            sha256_in({"repr-digest": value}, "Repr-Digest")


@pytest.mark.parametrize(
    "value",
    [
        *("sha-256=:AAAA:", "sha-256=:A:", "sha-256=:=:"),
        *("", "garbage(((", "sha-256=abc", 'sha-256="abc"', "sha-256 = :AAAA:", "sha-256=AAAA, md5=:AAAA:"),
        *(f"{DIGEST};", f"{DIGEST},", f"{DIGEST} x", DIGEST.replace("sha", "SHA"), DIGEST.strip(":")),
    ],
)
def test_a_digest_that_cannot_be_one_is_refused(value: str) -> None:
    with pytest.raises(BadHeader):
        sha256_in({"repr-digest": value}, "Repr-Digest")


async def test_pieces_are_refused_at_their_end_when_they_come_to_something_else() -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield CONTENT[:3]
        yield CONTENT[4:]

    pieces = digested(sent(), SHA256.hexdigest())
    assert [await anext(pieces), await anext(pieces)] == [CONTENT[:3], CONTENT[4:]]
    with pytest.raises(DigestMismatch):
        await anext(pieces)


@pytest.mark.parametrize(
    ("length", "cut", "whole"), [(None, False, True), (3, False, True), (4, False, False), (None, True, False)]
)
async def test_a_body_is_whole_or_refused(length: int | None, *, cut: bool, whole: bool) -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"abc", "more_body": True}]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    headers = [] if length is None else [(b"content-length", f"{length}".encode())]
    body = whole_body(Request({"type": "http", "method": "PUT", "headers": headers}, receive))
    if whole:
        assert b"".join([piece async for piece in body]) == b"abc"
        return
    with pytest.raises(BodyTruncated):
        b"".join([piece async for piece in body])
