"""Posting statements over HTTP: what the headers say of a file has to fit its bytes."""

import gzip
from uuid import UUID

import httpx
import pytest

from chassis.testing import Tokens
from svc_payments.reconciliation.statements import files
from tests.svc_payments.reconciliation.statements.test_strict_reading import (
    CHINESE,
    GB18030_MARK,
    ONE,
    file_of,
    line,
    upload,
    zipped,
)
from tests.svc_payments.settlement.bookings import DAY

UTF_8, GBK = CHINESE.encode(), CHINESE.encode("gbk")
BOTH = file_of(line("户号１２"), "total,1,33.75")
"""In UTF-8, and as nonsense in GB18030 too."""


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (GBK, {"Content-Type": "text/csv; charset=utf-8"}, 422, "undecodable_bytes"),
        (BOTH, {"Content-Type": "text/csv; charset=gb18030"}, 422, "wrong_charset"),
        (BOTH, {"Content-Type": 'text/csv; charset="GBK"'}, 422, "wrong_charset"),
        (CHINESE.encode("utf-8-sig"), {"Content-Type": "text/csv; charset=gb2312"}, 422, "wrong_charset"),
        (GB18030_MARK + GBK, {"Content-Type": "text/csv; charset=UTF-8"}, 422, "wrong_charset"),
        (gzip.compress(BOTH), {"Content-Type": "text/csv; charset=gbk"}, 422, "wrong_charset"),
        (zipped({"a.csv": GBK}), {"Content-Type": "text/csv; charset=utf-8"}, 422, "undecodable_bytes"),
        (ONE, {"Content-Type": "text/csv; charset=utf-16"}, 415, "unsupported_media_type"),
        (ONE, {"Content-Type": "text/csv; charset=latin1"}, 415, "unsupported_media_type"),
        (ONE, {"Content-Type": "text/csv; charset="}, 415, "unsupported_media_type"),
        (ONE, {"Content-Encoding": "br"}, 415, "unsupported_content_encoding"),
        (ONE, {"Content-Encoding": "gzip"}, 400, "gzip_broken"),
        (ONE, {"Repr-Digest": f"sha-256=:{'A' * 43}=:"}, 400, "digest_mismatch"),
        (ONE, {"Content-Digest": f"sha-256=:{'A' * 43}=:"}, 400, "digest_mismatch"),
        (ONE, {"Content-Digest": "sha-256=abc"}, 400, "bad_header"),
    ],
)
async def test_a_file_that_is_not_as_its_headers_say_is_refused(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    sent = tokens.client(provider_id, "bills:write") | headers
    answer = await api.put(f"/payments/v1/posting-statements/{DAY}", content=content, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (UTF_8, {"Content-Type": "text/csv; charset=utf-8"}),
        (CHINESE.encode("utf-8-sig"), {"Content-Type": "text/csv; charset=utf-8"}),
        (GBK, {"Content-Type": "text/csv; charset=GB2312"}),
        (GB18030_MARK + GBK, {"Content-Type": 'text/csv; header=present; charset="gbk"'}),
        (GBK, {}),
        (gzip.compress(GBK), {"Content-Type": "text/csv; charset=gbk", "Content-Encoding": "gzip"}),
        (gzip.compress(GBK), {"Content-Type": "application/gzip; charset=binary"}),
        (zipped({"a.csv": GBK}), {"Content-Type": "text/csv; charset=gb18030"}),
    ],
)
async def test_a_file_that_is_as_its_headers_say_is_read(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, content: bytes, headers: dict[str, str]
) -> None:
    sent = tokens.client(provider_id, "bills:write") | headers
    answer = await api.put(f"/payments/v1/posting-statements/{DAY}", content=content, headers=sent)
    assert (answer.status_code, answer.json()["in_fen"]) == (200, 3375), answer.text


async def test_a_file_of_blank_lines_is_refused_before_it_is_read_out(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They zip to next to nothing: 512 MiB of them would keep a thread busy for minutes."""
    monkeypatch.setattr(files, "MOST_LINES", 1_000)
    allowed = await upload(api, tokens, provider_id, gzip.compress(ONE + b"\n" * 900))
    assert allowed.json()["lines"] == 1
    answer = await upload(api, tokens, provider_id, gzip.compress(ONE + b"\n" * 1_000))
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_lines")
