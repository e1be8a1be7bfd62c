"""What the company's client and command line send, seen from the other end of the wire."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from contracts.reference_provider.client import Client, PlatformError, load_key, new_key
from contracts.reference_provider.tariff import SAMPLES
from deploy.local.programs import LOOPBACK, free_port

ROOT = Path(__file__).parents[3]
PROVIDER_ID = "0198b5a0-0000-7000-8000-000000000001"
REPORT = {"rows": 2, "accepted": 2, "refused_rows": [], "refused_rows_url": "/payments/v1/bill-files/7/refused-rows"}


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    size: int


class Answers:
    """A server that records what comes and answers each address from a list, its last answer for ever."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._answers: dict[tuple[str, str], list[tuple[int, dict[str, str], bytes]]] = defaultdict(list)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        self.on(
            "GET",
            "/identity/.well-known/openid-configuration",
            {"issuer": f"{self.url}/identity", "token_endpoint": f"{self.url}/identity/v1/oauth/token"},
        )
        self.on("POST", "/identity/v1/oauth/token", {"access_token": "token-1", "expires_in": 600})

    def on(self, method: str, path: str, content: object, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._answers[method, path].append((status, headers, body))

    def forget(self, method: str, path: str) -> None:
        self._answers[method, path].clear()

    def to(self, method: str, path: str) -> list[Received]:
        return [received for received in self.received if (received.method, received.path) == (method, path)]

    @contextlib.contextmanager
    def running(self) -> Iterator["Answers"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                left = size = int(self.headers.get("Content-Length", 0))
                body, digest = b"", hashlib.sha256()
                while left:
                    part = self.rfile.read(min(left, 1 << 20))
                    digest.update(part)
                    body, left = body + part if size < 1 << 22 else b"", left - len(part)
                received = Received(self.command, self.path, dict(self.headers), body or digest.digest(), size)
                answers.received.append(received)
                possible = answers._answers[self.command, self.path]
                status, headers, content = possible.pop(0) if len(possible) > 1 else possible[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def platform() -> Iterator[Answers]:
    with Answers().running() as answers:
        yield answers


@pytest.fixture
def client(platform: Answers) -> Iterator[Client]:
    with contextlib.closing(Client(platform.url, new_key(), PROVIDER_ID)) as client:
        yield client


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


class TestToken:
    def test_the_company_shows_who_it_is_by_a_signed_assertion(self, platform: Answers) -> None:
        key = new_key()
        with contextlib.closing(Client(platform.url, key, PROVIDER_ID)) as client:
            assert client.token() == "token-1"
        (request,) = platform.to("POST", "/identity/v1/oauth/token")
        form = {name: value for name, (value,) in parse_qs(request.body.decode(), strict_parsing=True).items()}
        assertion = jwt.decode(form.pop("client_assertion"), KeySet([key]), algorithms=["ES256"])
        assert form == {
            "grant_type": "client_credentials",
            "scope": "tariffs:write bills:write",
            "client_id": PROVIDER_ID,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }
        claims = assertion.claims
        assert {claims.pop("iss"), claims.pop("sub")} == {PROVIDER_ID}
        assert claims.pop("aud") == f"{platform.url}/identity"
        assert claims["exp"] - claims.pop("iat") == 60
        assert abs(claims.pop("exp") - 60 - time.time()) < 30
        assert len(claims.pop("jti")) >= 16
        assert claims == {}
        assert assertion.header["kid"] == key.kid == key.thumbprint()

    def test_a_token_is_used_until_shortly_before_it_expires(self, platform: Answers, client: Client) -> None:
        for _ in range(3):
            client.token()
        assert len(platform.to("POST", "/identity/v1/oauth/token")) == 1

    def test_an_expiring_token_is_renewed_with_another_assertion(self, platform: Answers, client: Client) -> None:
        platform.forget("POST", "/identity/v1/oauth/token")
        platform.on("POST", "/identity/v1/oauth/token", {"access_token": "short", "expires_in": 30})
        platform.on("POST", "/identity/v1/oauth/token", {"access_token": "next", "expires_in": 600})
        assert [client.token(), client.token()] == ["short", "next"]
        first, second = platform.to("POST", "/identity/v1/oauth/token")
        assert first.body != second.body

    def test_no_assertion_is_given_to_a_platform_of_another_name(self, platform: Answers) -> None:
        other = platform.url.replace(LOOPBACK, "localhost")
        with (
            contextlib.closing(Client(other, new_key(), PROVIDER_ID)) as client,
            pytest.raises(PlatformError, match=f"calls itself {platform.url}/identity; use that address"),
        ):
            client.token()
        assert platform.to("POST", "/identity/v1/oauth/token") == []

    def test_without_a_provider_id_the_way_to_one_is_said(self, platform: Answers) -> None:
        with (
            contextlib.closing(Client(platform.url, new_key())) as client,
            pytest.raises(PlatformError, match="its application must be approved first"),
        ):
            client.publish_tariff({})


class TestCalls:
    def test_a_bill_file_is_sent_as_it_lies_on_the_disk(
        self, platform: Answers, client: Client, tmp_path: Path
    ) -> None:
        path = tmp_path / "水费 2025-10.csv"
        path.write_bytes("bill_number,账单\r\n".encode("gb18030"))
        address = "/payments/v1/bill-files/%E6%B0%B4%E8%B4%B9%202025-10.csv"
        platform.on("PUT", address, REPORT)
        assert client.upload_bills(path, "gb18030") == REPORT
        (request,) = platform.to("PUT", address)
        assert request.headers["Content-Type"] == "text/csv; charset=gb18030"
        assert request.headers["Authorization"] == "Bearer token-1"
        assert request.headers["Content-Length"] == str(path.stat().st_size)
        assert "Transfer-Encoding" not in request.headers
        assert request.body == path.read_bytes()

    def test_a_byte_order_mark_is_no_charset_of_its_own(
        self, platform: Answers, client: Client, tmp_path: Path
    ) -> None:
        (tmp_path / "bills.csv").write_text("bill_number", encoding="utf-8-sig")
        platform.on("PUT", "/payments/v1/bill-files/bills.csv", REPORT)
        client.upload_bills(tmp_path / "bills.csv", "utf-8-sig")
        (request,) = platform.to("PUT", "/payments/v1/bill-files/bills.csv")
        assert request.headers["Content-Type"] == "text/csv; charset=utf-8"

    @pytest.mark.usefixtures("no_waiting")
    def test_a_whole_file_is_sent_again_when_the_platform_was_away(
        self, platform: Answers, client: Client, tmp_path: Path
    ) -> None:
        (tmp_path / "bills.csv").write_bytes(b"bill_number\r\n" * 1000)
        platform.on("PUT", "/payments/v1/bill-files/bills.csv", b"", 502)
        platform.on("PUT", "/payments/v1/bill-files/bills.csv", REPORT)
        assert client.upload_bills(tmp_path / "bills.csv", "utf-8") == REPORT
        sent = platform.to("PUT", "/payments/v1/bill-files/bills.csv")
        assert [request.body for request in sent] == [b"bill_number\r\n" * 1000] * 2

    def test_a_repeated_publication_keeps_its_idempotency_key(
        self, platform: Answers, client: Client, no_waiting: list[float]
    ) -> None:
        platform.on("POST", "/services/v1/tariffs", {}, 503, Retry_After="3")
        platform.on("POST", "/services/v1/tariffs", {}, 503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")
        platform.on("POST", "/services/v1/tariffs", {}, 504, Retry_After="4000")
        platform.on("POST", "/services/v1/tariffs", {"tariff_id": "1"}, 201)
        tariff = SAMPLES["water"].as_json(date(2026, 1, 1))
        assert client.publish_tariff(tariff) == {"tariff_id": "1"}
        sent = platform.to("POST", "/services/v1/tariffs")
        assert len({request.headers["Idempotency-Key"] for request in sent}) == 1
        assert {request.body for request in sent} == {sent[0].body}
        assert json.loads(sent[0].body) == tariff
        assert no_waiting == [3.0, 1.0, 10.0]
        client.publish_tariff(tariff)
        again = platform.to("POST", "/services/v1/tariffs")[-1]
        assert again.headers["Idempotency-Key"] != sent[0].headers["Idempotency-Key"]

    def test_a_refusal_that_passes_soon_is_waited_out_and_a_lasting_one_is_told(
        self, platform: Answers, client: Client, no_waiting: list[float]
    ) -> None:
        tariff = SAMPLES["water"].as_json(date(2026, 1, 1))
        platform.on("POST", "/services/v1/tariffs", {"code": "provider_not_ready"}, 409, Retry_After="2")
        platform.on("POST", "/services/v1/tariffs", {"tariff_id": "1"}, 201)
        assert client.publish_tariff(tariff) == {"tariff_id": "1"}
        platform.on("GET", "/services/v1/provider-applications/5", {"code": "too_many"}, 429, Retry_After="86400")
        with pytest.raises(PlatformError, match="too_many"):
            client.application("5", "its token")
        assert no_waiting == [2.0]

    def test_an_application_shows_the_public_key_only(self, platform: Answers) -> None:
        key, filed = new_key(), {"application_id": "5", "application_token": "secret", "provider_id": None}
        platform.on("POST", "/services/v1/provider-applications", filed, 201)
        platform.on("GET", "/services/v1/provider-applications/5", {**filed, "provider_id": PROVIDER_ID})
        with contextlib.closing(Client(platform.url, key)) as client:
            assert client.apply({"name": "Sample Water Company"}) == filed
            assert client.application("5", "secret")["provider_id"] == PROVIDER_ID
        sent, asked = platform.received
        (jwk,) = json.loads(sent.body)["jwks"]["keys"]
        assert "d" not in jwk
        assert ECKey.import_key(jwk).thumbprint() == key.thumbprint()
        assert asked.headers["Application-Token"] == "secret"

    def test_refused_rows_are_read_page_by_page(self, platform: Answers, client: Client) -> None:
        pages = REPORT["refused_rows_url"]
        platform.on("GET", str(pages), {"items": [{"row": 3}, {"row": 9}], "next_cursor": "a/b"})
        platform.on("GET", f"{pages}?cursor=a%2Fb", {"items": [{"row": 12}], "next_cursor": None})
        assert [row["row"] for row in client.refused_rows(REPORT)] == [3, 9, 12]

    def test_a_refusal_is_a_sentence_with_the_platforms_reason(self, platform: Answers, client: Client) -> None:
        problem = {"title": "收费标准已存在", "detail": "这一天已有收费标准。", "code": "tariff_date_taken"}
        platform.on("POST", "/services/v1/tariffs", problem, 409)
        with pytest.raises(PlatformError) as refused:
            client.publish_tariff({})
        expected = "The platform refused POST /services/v1/tariffs (409, tariff_date_taken): 这一天已有收费标准。"
        assert (str(refused.value), refused.value.code) == (expected, "tariff_date_taken")

    def test_an_oauth_error_is_a_sentence_too(self, platform: Answers, client: Client) -> None:
        error = {"error": "invalid_client", "error_description": "The assertion was used before."}
        platform.forget("POST", "/identity/v1/oauth/token")
        platform.on("POST", "/identity/v1/oauth/token", error, 401)
        with pytest.raises(PlatformError, match=r"\(401, invalid_client\): The assertion was used before\."):
            client.token()

    @pytest.mark.parametrize("content", [b"<html>", b"[]", b"\xff", b""])
    def test_an_answer_that_is_no_json_object_is_a_sentence(
        self, platform: Answers, client: Client, content: bytes
    ) -> None:
        platform.on("POST", "/services/v1/tariffs", content, 200)
        with pytest.raises(PlatformError, match="with 200 and no JSON object"):
            client.publish_tariff({})

    @pytest.mark.usefixtures("no_waiting")
    def test_a_platform_that_is_not_there_is_a_sentence(self) -> None:
        url = f"http://{LOOPBACK}:{free_port()}"
        with (
            contextlib.closing(Client(url, new_key(), PROVIDER_ID)) as client,
            pytest.raises(PlatformError, match=f"The platform at {url} cannot be reached"),
        ):
            client.token()


def run(folder: Path, platform: str, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = [command, "--state", str(folder), "--platform", platform, *more]
    return subprocess.run(  # noqa: S603 - fixed command
        [sys.executable, "-m", "contracts.reference_provider", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
    )


COMPANY = ["--uscc", "91654002MA0000001F", "--name", "测试水务公司", "--kind", "water", "--divisions", "654002,654003"]
APPLICATION = [*COMPANY, "--endpoint-url", "https://company.test/my-ili"]


class TestCommandLine:
    def test_from_a_key_to_a_report(self, platform: Answers, tmp_path: Path) -> None:
        filed: dict[str, Any] = {"application_id": "5", "application_token": "secret", "provider_id": None}
        platform.on("POST", "/services/v1/provider-applications", filed, 201)
        platform.on("GET", "/services/v1/provider-applications/5", {"provider_id": PROVIDER_ID})
        platform.on("POST", "/services/v1/tariffs", {"tariff_id": "1"}, 201)
        platform.on("PUT", "/payments/v1/bill-files/bills.csv", REPORT)

        keys = run(tmp_path, platform.url, "keys")
        applied = run(tmp_path, platform.url, "apply", *APPLICATION)
        shown = run(tmp_path, platform.url, "application")
        priced = run(tmp_path, platform.url, "publish-tariff", "--kind", "water", "--effective-from", "2026-01-01")
        bills = ["--rows", "200", "--seed", "4", "--encoding", "gb18030", "--out", str(tmp_path / "bills.csv")]
        generated = run(tmp_path, platform.url, "generate-bills", *bills)
        sent = run(tmp_path, platform.url, "upload", str(tmp_path / "bills.csv"), "--encoding", "gb18030")

        assert [step.stderr for step in (keys, applied, shown, priced, generated, sent)] == [""] * 6
        assert json.loads(sent.stdout) == REPORT
        application = json.loads(platform.to("POST", "/services/v1/provider-applications")[0].body)
        assert application["jwks"] == json.loads(keys.stdout)
        assert (application["name"], application["division_codes"]) == ("测试水务公司", ["654002", "654003"])
        assert "secret" not in applied.stdout + shown.stdout
        uploaded = platform.to("PUT", "/payments/v1/bill-files/bills.csv")[0].body
        assert hashlib.sha256(uploaded).hexdigest() == json.loads(generated.stdout)["sha256"]

    def test_secrets_are_readable_by_the_company_alone(self, platform: Answers, tmp_path: Path) -> None:
        platform.on("POST", "/services/v1/provider-applications", {"application_token": "secret"}, 201)
        run(tmp_path, platform.url, "keys")
        run(tmp_path, platform.url, "apply", *APPLICATION)
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
        assert modes == {"key.json": "0o600", "application.json": "0o600"}

    def test_a_key_is_never_replaced(self, tmp_path: Path) -> None:
        run(tmp_path, "http://127.0.0.1:9", "keys")
        kept = load_key(tmp_path / "key.json").thumbprint()
        again = run(tmp_path, "http://127.0.0.1:9", "keys")
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.endswith("already, by which the platform knows the company.\n")
        assert load_key(tmp_path / "key.json").thumbprint() == kept

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["application"], "There is no application yet; file one with the command apply.\n"),
            (["upload", "bills.csv", "--encoding", "utf-8"], "make one with the command keys.\n"),
            (
                ["generate-bills", "--rows", "10", "--out", "/nowhere/a.csv"],
                "/nowhere/a.csv: No such file or directory.\n",
            ),
            (["generate-bills", "--rows", "1000001", "--out", "a.csv"], "holds 1 to 1000000 rows, not 1000001.\n"),
            (["generate-bills", "--rows", "5", "--period", "October", "--out", "a.csv"], "is no month like 2025-10.\n"),
        ],
    )
    def test_what_goes_wrong_is_one_sentence(self, tmp_path: Path, arguments: list[str], sentence: str) -> None:
        ended = run(tmp_path, "http://127.0.0.1:9", *arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.endswith(sentence)
        assert ended.stderr.count("\n") == 1

    @pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
    def test_a_large_file_needs_little_memory(self, platform: Answers, tmp_path: Path) -> None:
        large = tmp_path / "large.csv"
        with large.open("wb") as file:
            file.truncate(300 * 1024 * 1024)
        run(tmp_path, platform.url, "keys")
        (tmp_path / "application.json").write_text(json.dumps({"provider_id": PROVIDER_ID}))
        at = "/payments/v1/bill-file-uploads"
        platform.on("GET", at, {"items": [], "next_cursor": None})
        platform.on("PUT", "/payments/v1/bill-files/large.csv", b"", 201, Location=f"{at}/1")
        for _ in range(74):
            platform.on("PATCH", f"{at}/1", b"", 204)
        platform.on("PATCH", f"{at}/1", REPORT)
        arguments = ["upload", str(large), "--state", str(tmp_path), "--platform", platform.url, "--encoding", "utf-8"]
        # The highest memory of a process since it began, in KiB; what wait4 says counts its parent's too.
        peak = "open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]"
        code = f"from contracts.reference_provider.__main__ import main; main({arguments}); print({peak})"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
        assert int(ended.stdout.split()[-1]) < 150 * 1024
        pieces = platform.to("PATCH", f"{at}/1")
        assert sum(piece.size for piece in pieces) == 300 * 1024 * 1024
        assert [piece.headers["Upload-Complete"] for piece in pieces] == [*["?0"] * 74, "?1"]
        assert [int(piece.headers["Upload-Offset"]) for piece in pieces[:3]] == [0, 4 * 1024 * 1024, 8 * 1024 * 1024]
