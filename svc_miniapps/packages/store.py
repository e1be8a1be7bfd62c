"""The object store of packages: a folder, or a bucket of anything that speaks S3. It may be away; the answer is 503."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated

import obstore
from fastapi import Depends, Request
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from chassis.db import now
from chassis.problems import TryLater
from chassis.telemetry import log
from svc_miniapps.settings import Settings

FOLDER = "packages"
DELTAS = "deltas"
_CHUNK = 256 * 1024


@cache
def opened(url: str) -> ObjectStore:
    """The store at a `file:///…` or `s3://…` URL; what S3 needs besides is read from the AWS_* variables."""
    return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)


async def _store(request: Request) -> ObjectStore:
    settings: Settings = request.app.state.settings
    return opened(settings.packages)


Store = Annotated[ObjectStore, Depends(_store)]


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        log.error("package_store_failed", error=type(error).__name__)
        raise TryLater from None


async def put(store: ObjectStore, key: str, file: Path | bytes) -> None:
    """Store a file under a new key, piece by piece; it is there as a whole or not at all."""
    with _reached():
        await obstore.put_async(store, key, file)


async def stream(store: ObjectStore, key: str, part: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
    """The content of a stored object, or its bytes from the first up to before the second number.

    It is opened before the answer begins, so that a failure is a 503.
    """
    with _reached():
        result = await obstore.get_async(store, key, options={"range": part} if part else None)
    return aiter(result.stream(min_chunk_size=_CHUNK))


async def read(store: ObjectStore, key: str) -> bytes:
    """The whole content, for the worker; packages have 20 MB at most."""
    with _reached():
        return bytes(await (await obstore.get_async(store, key)).bytes_async())


async def size_of(store: ObjectStore, key: str) -> int | None:
    """None where there is no such object."""
    with _reached():
        try:
            return (await obstore.head_async(store, key))["size"]
        except FileNotFoundError:
            return None


async def older_than(store: ObjectStore, age: timedelta) -> AsyncIterator[Sequence[str]]:
    """The keys of objects stored longer ago than `age`, in batches."""
    async for batch in obstore.list(store, FOLDER, chunk_size=500):
        yield [item["path"] for item in batch if item["last_modified"] < now() - age]


async def delete(store: ObjectStore, keys: Sequence[str]) -> None:
    """Delete objects; of those that are gone already nothing is said."""
    with _reached(), contextlib.suppress(FileNotFoundError):
        await obstore.delete_async(store, keys)
