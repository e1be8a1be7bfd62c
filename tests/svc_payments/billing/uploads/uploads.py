"""A client of resumable uploads, step by step."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import httpx

PARTIAL = "application/partial-upload"
CSV = "text/csv; charset=utf-8"


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@dataclass(frozen=True)
class UploadClient:
    """A client that uploads one file in pieces; `url` is its upload."""

    api: httpx.AsyncClient
    headers: dict[str, str]
    url: str = ""

    async def started(self, content: bytes = b"", *, name: str = "2026-09.csv", **more: str) -> "UploadClient":
        answer = await self.start(content, name=name, **more)
        assert answer.status_code == 201, answer.text
        return UploadClient(self.api, self.headers, answer.headers["location"])

    async def start(self, content: bytes = b"", *, name: str = "2026-09.csv", **more: str) -> httpx.Response:
        request_headers = {"Content-Type": CSV, "Upload-Complete": "?0", **_dashed(more)}
        return await self.api.put(
            f"/payments/v1/bill-files/{name}", content=content, headers=self.headers | request_headers
        )

    async def append(self, content: bytes, offset: int | str, *, complete: bool = False, **more: str) -> httpx.Response:
        request_headers = {
            "Content-Type": PARTIAL,
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if complete else "?0",
            **_dashed(more),
        }
        return await self.api.patch(self.url, content=content, headers=self.headers | request_headers)

    async def head(self) -> httpx.Response:
        return await self.api.head(self.url, headers=self.headers)

    async def offset(self) -> int:
        answer = await self.head()
        assert answer.status_code == 204, answer.status_code
        return int(answer.headers["upload-offset"])

    async def state(self) -> dict[str, Any]:
        answer = await self.api.get(self.url, headers=self.headers)
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
