"""What the company's client sends, seen from the other end of the wire."""

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from contracts.reference_provider.client import Client, PlatformError, new_key
from contracts.reference_provider.tariff import SAMPLES
from deploy.local.programs import LOOPBACK, free_port
from tests.contracts.reference_provider.platform_stand_in import PROVIDER_ID, REPORT, Answers


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
            "scope": "accounts:write",
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

    def test_a_token_is_for_one_purpose(self, platform: Answers, client: Client, tmp_path: Path) -> None:
        platform.on("POST", "/services/v1/tariffs", {"tariff_id": "t"}, 201)
        platform.on("PUT", "/payments/v1/bill-files/bills.csv", REPORT)
        (tmp_path / "bills.csv").write_bytes(b"bill_number")
        client.publish_tariff({})
        client.upload_bills(tmp_path / "bills.csv", "utf-8")
        client.publish_tariff({})
        forms = [parse_qs(request.body.decode()) for request in platform.to("POST", "/identity/v1/oauth/token")]
        assert [form["scope"] for form in forms] == [["tariffs:write"], ["bills:write"]]

    def test_the_token_endpoint_is_that_of_the_metadata(self, platform: Answers) -> None:
        named = {"issuer": f"{platform.url}/identity", "token_endpoint": f"{platform.url}/identity/v9/tokens"}
        platform.forget("GET", "/identity/.well-known/openid-configuration")
        platform.on("GET", "/identity/.well-known/openid-configuration", named)
        platform.on("POST", "/identity/v9/tokens", {"access_token": "elsewhere", "expires_in": 600})
        with contextlib.closing(Client(platform.url, new_key(), PROVIDER_ID)) as client:
            assert client.token() == "elsewhere"

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

    def test_a_temporary_refusal_is_retried_and_a_lasting_one_reported(
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
        sent, query = platform.received
        (jwk,) = json.loads(sent.body)["jwks"]["keys"]
        assert "d" not in jwk
        assert ECKey.import_key(jwk).thumbprint() == key.thumbprint()
        assert query.headers["Application-Token"] == "secret"

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


def test_no_key_has_an_id_that_a_command_line_takes_for_an_option() -> None:
    # Of 400 thumbprints, six begin with a hyphen on average.
    assert not [kid for kid in (str(new_key().kid) for _ in range(400)) if kid.startswith("-")]
