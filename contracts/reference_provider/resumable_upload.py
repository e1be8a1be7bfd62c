"""Uploads a large file in many requests, and resumes after an interruption, even in a new process.

The requests are those of Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload).
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

LARGE = 16 * 1024 * 1024
"""Size in bytes from which a file is sent in chunks."""
CHUNK = 4 * 1024 * 1024
"""The most that an interruption may cost."""
MAX_FAILURES = 12
"""In a row."""
LONGEST_WAIT = 30.0
UPLOADS = "/payments/v1/bill-file-uploads"
_AWAY = {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
_WORTH_REPEATING = {*_AWAY, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR}

Send = Callable[..., httpx.Response]


@dataclass
class Upload:
    """The upload of one file. `send` makes one request with the company's token and may raise httpx.TransportError."""

    send: Send
    path: Path
    media_type: str
    url: str = ""
    offset: int | None = None
    """Its offset; None when the platform has to be queried."""
    failures: int = 0

    def run(self, address: str) -> httpx.Response:
        """Send the file to this address. Returns the platform's answer to the whole file, or its refusal."""
        sha256, size = _sha256(self.path), self.path.stat().st_size
        while True:
            try:
                if not self.url and (refusal := self._find_or_begin(address, sha256, size)) is not None:
                    return refusal
                answer, reached = self._send_next(self._query_offset(), size)
            except httpx.TransportError:
                if self.failures >= MAX_FAILURES:
                    raise
                self._wait("")
                continue
            if answer.status_code == HTTPStatus.NO_CONTENT:
                self.offset, self.failures = reached, 0
            elif self.failures < MAX_FAILURES and _is_temporary(answer):
                self._wait(answer.headers.get("Retry-After", ""))
            else:
                return answer

    def _find_or_begin(self, address: str, sha256: bytes, size: int) -> httpx.Response | None:
        """Resume an upload of the same bytes, or begin one. Returns a refusal, if any."""
        known = self.send("GET", UPLOADS)
        items = known.json()["items"] if known.is_success else []
        for item in items:
            same = (item["sha256"], item["file_name"]) == (sha256.hex(), self.path.name)
            if same and item["status"] in {"receiving", "received"}:
                self.url = f"{UPLOADS}/{item['upload_id']}"
                return None
        digest = base64.b64encode(sha256).decode()
        headers = {
            "Content-Type": self.media_type,
            "Upload-Complete": "?0",
            "Upload-Length": str(size),
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        begun = self.send("PUT", address, headers=headers, content=b"")
        if begun.status_code != HTTPStatus.CREATED:
            return begun
        self.url, self.offset = begun.headers["Location"], 0
        return None

    def _query_offset(self) -> int:
        """The offset of the upload; the query also ends an earlier request that still hangs."""
        if self.offset is not None:
            return self.offset
        answer = self.send("HEAD", self.url)
        if not answer.is_success:
            raise httpx.ReadError(f"the platform answered {answer.status_code} to the query of the upload offset")
        return int(answer.headers["Upload-Offset"])

    def _send_next(self, offset: int, size: int) -> tuple[httpx.Response, int]:
        with self.path.open("rb") as file:
            file.seek(offset)
            chunk = file.read(CHUNK)
        headers: Mapping[str, str] = {
            "Content-Type": "application/partial-upload",
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if offset + len(chunk) >= size else "?0",
            "Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(chunk).digest()).decode()}:",
        }
        return self.send("PATCH", self.url, headers=headers, content=chunk), offset + len(chunk)

    def _wait(self, retry_after: str) -> None:
        """Back off, so that one of two uploads of the same file gives way, and query the offset afterwards."""
        self.offset = None
        time.sleep(min(float(retry_after) if retry_after.isdecimal() else 0.5 * 2.0**self.failures, LONGEST_WAIT))
        self.failures += 1


def _is_temporary(answer: httpx.Response) -> bool:
    """Whether a retry may help; it does not if the file as a whole was refused."""
    of_the_file = answer.headers.get("Upload-Complete") == "?1" and "Retry-After" not in answer.headers
    return answer.status_code in _WORTH_REPEATING and not of_the_file


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
