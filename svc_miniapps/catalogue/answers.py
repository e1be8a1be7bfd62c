"""Public answers with an entity tag for each coding, compressed once (RFC 9110, 8.4 and 12.5.3)."""

import gzip
from collections.abc import Callable, Mapping

import zstandard
from fastapi import Response

from kit.etags import etag_of_content, is_known

SECONDS = 1
"""A publication is visible within two seconds, also through a cache; a repeated request costs a 304."""
CACHE_CONTROL = f"public, max-age={SECONDS}"
WORTH_BYTES = 1024
"""Less fits into the first packet as it is."""
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": zstandard.ZstdCompressor(level=9).compress,
    "gzip": lambda content: gzip.compress(content, compresslevel=6, mtime=0),
}
_JSON = "application/json"


def coding_for(accept_encoding: str) -> str:
    """The coding that the client takes; empty for none."""
    accepted = set()
    for part in accept_encoding[:1000].lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            accepted.add(name.strip())
    return next((name for name in _CODINGS if name in accepted), "")


def compressed(content: bytes, coding: str) -> bytes:
    return _CODINGS[coding](content) if coding else content


class Answer:
    """One public answer as JSON."""

    def __init__(self, body: bytes) -> None:
        self._bodies = {"": body}
        self._etag = etag_of_content(body)

    def size(self) -> int:
        return 2 * len(self._bodies[""]) + 1024

    @property
    def body(self) -> bytes:
        return self._bodies[""]

    def respond(self, if_none_match: str | None, accept_encoding: str) -> Response:
        coding = coding_for(accept_encoding) if len(self._bodies[""]) >= WORTH_BYTES else ""
        etag = f'{self._etag[:-1]}-{coding}"' if coding else self._etag
        headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept-Encoding"}
        if is_known(if_none_match, etag):
            return Response(status_code=304, headers=headers)
        if coding:
            headers["Content-Encoding"] = coding
            if coding not in self._bodies:
                self._bodies[coding] = compressed(self._bodies[""], coding)
        return Response(self._bodies[coding], media_type=_JSON, headers=headers)
