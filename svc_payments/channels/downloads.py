"""Files of channels: too large for memory, so they go to disk first, and are handed on once they are known whole."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import IO

import httpx

from chassis.http_client import FAILURES, NoAnswer
from chassis.problems import ContentTooLarge
from kit.files.gzips import gunzipped as gunzipped_file
from kit.files.refusals import GzipBroken
from kit.signatures.refusals import BadSignature

SECONDS = 900.0
MOST_BYTES = 4 * 1024**3
PART = 256 * 1024


async def downloaded(client: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[bytes]:
    """The body of an answer, once all of it is here.

    Raises:
        NoAnswer: it did not come, or not whole.
    """
    with tempfile.TemporaryFile() as file:
        await _download(client, request, file)
        async for part in _parts(file):
            yield part


async def gunzipped(client: httpx.AsyncClient, request: httpx.Request, sha1: str) -> AsyncIterator[bytes]:
    """The body of an answer, unfolded, once its hash is found right.

    Raises:
        NoAnswer: it did not come, or not whole.
        BadSignature: wrong_hash.
    """
    with tempfile.TemporaryFile() as folded, tempfile.TemporaryFile() as plain:
        await _download(client, request, folded)
        if await asyncio.to_thread(_unfold, folded, plain) != sha1.lower():
            raise BadSignature("wrong_hash")
        async for part in _parts(plain):
            yield part


async def _download(client: httpx.AsyncClient, request: httpx.Request, file: IO[bytes]) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            response = await client.send(request, stream=True)
            try:
                if response.status_code != HTTPStatus.OK:
                    raise NoAnswer(f"status_{response.status_code}")
                await _write(response, file)
            finally:
                await response.aclose()
    except FAILURES as error:
        raise NoAnswer(type(error).__name__) from None


async def _write(response: httpx.Response, file: IO[bytes]) -> None:
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > MOST_BYTES:
            raise NoAnswer("too_long")
        file.write(part)


def _unfold(folded: IO[bytes], plain: IO[bytes]) -> str:
    # The hash that WeChat Pay gives is of SHA-1; the connection and the signed address say where the file is from.
    sha1 = hashlib.sha1(usedforsecurity=False)
    try:
        for part in gunzipped_file(folded, MOST_BYTES):
            sha1.update(part)
            plain.write(part)
    except ContentTooLarge:
        raise NoAnswer("too_long") from None
    except GzipBroken:
        raise NoAnswer("not_gzip") from None
    return sha1.hexdigest()


async def _parts(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while part := await asyncio.to_thread(file.read, PART):
        yield part
