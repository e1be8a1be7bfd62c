"""Requests that offer an upgrade are served as HTTP/1.1 (RFC 9110, 7.8), as by default those of Java's HttpClient.

httptools takes everything behind such a head for another protocol, the body too. So a second parser gets the head once
more, without its offer, and then what follows.
"""

from collections.abc import Iterable
from typing import Protocol

import httptools

Header = tuple[bytes, bytes]


class ParserCallbacks(Protocol):
    """What httptools calls on a server's connection."""

    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Iterable[Header]) -> bytes:
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode("ascii"))]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def parser_after_head(connection: ParserCallbacks) -> httptools.HttpRequestParser:
    """A parser that reports nothing of the first head it gets, since the connection knows it, and all that follows."""
    return httptools.HttpRequestParser(_AfterHead(connection))


class _AfterHead:
    def __init__(self, connection: ParserCallbacks) -> None:
        self._connection = connection
        self._head_known = False

    def on_message_begin(self) -> None:
        if self._head_known:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._head_known:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_known:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._head_known:
            self._connection.on_headers_complete()
        self._head_known = True

    def on_body(self, body: bytes) -> None:
        self._connection.on_body(body)

    def on_message_complete(self) -> None:
        self._connection.on_message_complete()
