"""The gateway's own pages: documentation without an asset from elsewhere, health; metrics on a port of their own."""

import json
import re
from html.parser import HTMLParser

import httpx
import pytest

from tests.gateway.stage import SERVICES, Stage, echo, say, serving, unused_port


class Links(HTMLParser):
    """Everything a page makes a browser fetch or offers it to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [value for name in ("src", "href", "value", "action", "data") if (value := given.get(name))]
        self.inline_scripts += tag == "script" and "src" not in given
        self.inline_scripts += sum(name.startswith("on") for name in given)


def promise_all(stage: Stage) -> None:
    for service in SERVICES:
        stage.promise(service, {f"GET /{service}/v1/things": {"summary": f"Things of {service}"}})


async def test_the_documentation_of_all_services_is_one_page(stage: Stage, client: httpx.AsyncClient) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        page = await client.get(f"{gateway}/docs")
        assert page.status_code == 200
        links = Links()
        links.feed(page.text)
        documents = [link for link in links.found if link.endswith(".v1.json")]
        assert documents == [f"/docs/openapi/{service}.v1.json" for service in sorted(SERVICES)]
        for service in SERVICES:
            document = await client.get(f"{gateway}/docs/openapi/{service}.v1.json")
            assert document.headers["content-type"] == "application/json"
            assert document.content == (stage.contracts / f"{service}.v1.json").read_bytes()


async def test_the_page_takes_nothing_from_elsewhere(stage: Stage, client: httpx.AsyncClient) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        page = await client.get(f"{gateway}/docs")
        links = Links()
        links.feed(page.text)
        assert links.inline_scripts == 0
        assert not re.search(r"https?:|//", page.text)
        for link in links.found:
            assert link.startswith("/docs/")
            answer = await client.get(f"{gateway}{link}")
            assert answer.status_code == 200, link
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'self';")
            assert "unsafe" not in policy
            assert "http" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
        for own in ("docs.js", "docs.css"):
            text = (await client.get(f"{gateway}/docs/assets/{own}")).text
            assert not re.search(r"https?:|@import|url\(", text)
        style = (await client.get(f"{gateway}/docs/assets/swagger-ui.css")).text
        assert not re.search(r"@import|url\(\s*['\"]?(?!data:|['\"]?data:)", style)


async def test_assets_are_compressed_and_asked_for_again_at_little_cost(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        url = f"{gateway}/docs/assets/swagger-ui-bundle.js"
        first = await client.get(url, headers={"Accept-Encoding": "gzip"})
        assert first.headers["content-encoding"] == "gzip"
        assert int(first.headers["content-length"]) < len(first.content) / 2
        plain = await client.get(url, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == first.content
        again = await client.get(url, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/docs/assets/nothing.js", "/docs/assets/..%2fapp.py", "/docs/openapi/weather.v1.json"]
)
async def test_there_are_no_other_files(stage: Stage, client: httpx.AsyncClient, path: str) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        answer = await client.get(f"{gateway}{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_title_cannot_put_markup_on_the_page(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", {}, info={"title": "<script>$x</script>", "version": "1"})
    async with stage.gateway() as gateway:
        page = await client.get(f"{gateway}/docs")
    assert "&lt;script&gt;$x&lt;/script&gt;" in page.text


async def test_the_front_door_leads_to_the_documentation(stage: Stage, client: httpx.AsyncClient) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        answer = await client.get(f"{gateway}/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_the_gateway_is_ready_while_services_are_away(stage: Stage, client: httpx.AsyncClient) -> None:
    """Public endpoints of the services that are there must stay reachable when identity is not."""
    promise_all(stage)
    async with stage.gateway() as gateway:
        assert (await client.get(f"{gateway}/livez")).json() == {"status": "alive"}
        ready = await client.get(f"{gateway}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["operations"] == dict.fromkeys(sorted(SERVICES), 1)
        assert (await client.post(f"{gateway}/readyz")).status_code == 405


async def test_own_pages_carry_a_request_id_too(stage: Stage, client: httpx.AsyncClient) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        answer = await client.get(f"{gateway}/livez", headers={"X-Request-ID": "probe-0001"})
    assert answer.headers["x-request-id"] == "probe-0001"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/docs/assets/docs.js"),
        ("GET", "/docs/openapi/payments.v1.json"),
        ("GET", "/docs/openapi/weather.v1.json"),
        ("GET", "/livez"),
        ("POST", "/readyz"),
        ("GET", "/nothing"),
        ("DELETE", "/payments/v1/things"),
        ("GET", "/payments/v1/things"),
        ("GET", "/payments/v1/../things"),
        ("BREW", "/payments/v1/things"),
    ],
)
async def test_no_answer_of_the_gateways_own_is_stored_or_read_as_another_kind(
    stage: Stage, method: str, path: str
) -> None:
    promise_all(stage)
    async with stage.gateway() as gateway:
        _, answer = await say(gateway, f"{method} {path} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert head.count(b"cache-control: no-store") == 1
    assert head.count(b"x-content-type-options: nosniff") == 1


async def test_metrics_are_not_reachable_on_the_public_port(stage: Stage, client: httpx.AsyncClient) -> None:
    promise_all(stage)
    port = unused_port()
    async with stage.gateway(metrics_port=port) as gateway:
        for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/METRICS"):
            answer = await client.get(f"{gateway}{path}")
            assert answer.status_code in {400, 404}
            assert "myili_" not in answer.text
        assert "myili_gateway_requests_total" in (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    with pytest.raises(httpx.ConnectError):
        await client.get(f"http://127.0.0.1:{port}/metrics")


def sample(metrics: str, name: str, **labels: str) -> float:
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    found = re.search(rf"^{re.escape(f'{name}{{{inner}}}')} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_requests_and_failures_are_counted_by_service(stage: Stage, client: httpx.AsyncClient) -> None:
    promise_all(stage)
    port = unused_port()
    metrics = f"http://127.0.0.1:{port}/metrics"
    async with serving(echo) as payments, stage.gateway(payments_url=payments, metrics_port=port) as gateway:
        before = (await client.get(metrics)).text
        for _ in range(3):
            await client.get(f"{gateway}/payments/v1/things")
        await client.get(f"{gateway}/miniapps/v1/things")
        await client.post(f"{gateway}/payments/v1/things")
        await client.get(f"{gateway}/nothing")
        after = (await client.get(metrics)).text

    def grown(name: str, **labels: str) -> float:
        return sample(after, name, **labels) - sample(before, name, **labels)

    assert grown("myili_gateway_requests_total", service="payments", status_class="2xx") == 3
    assert grown("myili_gateway_requests_total", service="miniapps", status_class="5xx") == 1
    assert grown("myili_gateway_requests_total", service="none", status_class="4xx") == 2
    assert grown("myili_gateway_upstream_failures_total", service="miniapps", kind="absent") == 1
    assert grown("myili_gateway_upstream_seconds_count", service="payments") == 3


async def test_a_problem_of_the_documents_is_none_of_the_browsers(stage: Stage, client: httpx.AsyncClient) -> None:
    """What the page shows is JSON, as it was read at start."""
    promise_all(stage)
    async with stage.gateway() as gateway:
        (stage.contracts / "payments.v1.json").write_text("{", "utf-8")
        document = await client.get(f"{gateway}/docs/openapi/payments.v1.json")
    assert json.loads(document.content)["info"]["title"] == "payments under test"
