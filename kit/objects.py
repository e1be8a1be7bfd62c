"""Objects in a folder, or in a bucket of anything that speaks S3. The store may be away; the answer is 503."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from chassis.problems import TryLater
from chassis.telemetry import log


@cache
def opened(url: str) -> ObjectStore:
    """The store at a `file:///…` or `s3://…` URL; what S3 needs besides is read from the AWS_* variables."""
    return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        log.error("object_store_failed", error=type(error).__name__)
        raise TryLater from None


async def put(store: ObjectStore, key: str, content: bytes) -> None:
    """Store an object; it is there as a whole or not at all."""
    with _reached():
        await obstore.put_async(store, key, content)


async def get(store: ObjectStore, key: str) -> bytes:
    with _reached():
        return bytes(await (await obstore.get_async(store, key)).bytes_async())


async def delete(store: ObjectStore, keys: Sequence[str]) -> None:
    """Delete objects; one that is not there is deleted already."""
    for key in keys:
        with _reached(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(store, key)
