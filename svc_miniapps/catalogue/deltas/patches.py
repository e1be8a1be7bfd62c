"""Differences between two packages: a Zstandard frame with the older package as its prefix (0159)."""

import hashlib

import zstandard

_WINDOW_LOG = 25
"""32 MiB: the largest package lies within it, and a phone needs no more memory to unpack."""
_LEVEL = 19


class NotReproducedError(Exception):
    """Applying the difference did not give the newer package."""


def difference(older: bytes, newer: bytes) -> bytes:
    """What turns the older package into the newer one; applied once, to prove it.

    It takes up to 30 seconds and 200 MB for the largest packages, so it belongs in a thread of the worker.

    Raises:
        NotReproducedError
    """
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, source_size=len(newer), window_log=_WINDOW_LOG, enable_ldm=True, write_content_size=1
    )
    made = zstandard.ZstdCompressor(dict_data=_prefix(older), compression_params=parameters).compress(newer)
    if hashlib.sha256(applied(older, made, len(newer))).digest() != hashlib.sha256(newer).digest():
        raise NotReproducedError
    return made


def applied(older: bytes, patch: bytes, size: int) -> bytes:
    """The newer package of this size, as a phone makes it."""
    unpacked = zstandard.ZstdDecompressor(dict_data=_prefix(older), max_window_size=1 << _WINDOW_LOG)
    return unpacked.decompress(patch, max_output_size=size)


def _prefix(older: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(older, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
