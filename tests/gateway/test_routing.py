"""The contracts are the routing table."""

import json
from pathlib import Path

import httpx
import pytest

from gateway.routing import ContractError, Defaults, RoutingTable, read_contracts
from tests.gateway.processes import REPOSITORY
from tests.gateway.stage import SERVICES, Stage, answering, echo, scripted, serving, write_contract

DEFAULTS = Defaults(max_body_bytes=1_000, timeout_seconds=30.0)


def table(folder: Path) -> RoutingTable:
    return RoutingTable(read_contracts(folder, SERVICES, DEFAULTS))


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/payments/v1/bills", "/payments/v1/bills"),
        ("/payments/v1/bills/1", "/payments/v1/bills/{bill_id}"),
        ("/payments/v1/bills/summary", "/payments/v1/bills/summary"),
        ("/payments/v1/bills/summary/lines", "/payments/v1/bills/{bill_id}/lines"),
        ("/payments/v1/bills/1/lines", "/payments/v1/bills/{bill_id}/lines"),
        ("/payments/v1/bills/伊犁", "/payments/v1/bills/{bill_id}"),
        ("/payments/.well-known/keys", "/payments/.well-known/keys"),
        ("/payments/v1/bills/", None),
        ("/payments/v1/bills/1/", None),
        ("/payments/v1/bills//lines", None),
        ("/payments/v1/bills/1/lines/2", None),
        ("/payments/v1", None),
        ("/payments", None),
        ("/Payments/v1/bills", None),
        ("/payments/v1/{bill_id}", None),
        ("", None),
    ],
)
def test_a_path_finds_its_template(tmp_path: Path, path: str, template: str | None) -> None:
    templates = (
        "/payments/v1/bills",
        "/payments/v1/bills/summary",
        "/payments/v1/bills/{bill_id}",
        "/payments/v1/bills/{bill_id}/lines",
        "/payments/.well-known/keys",
    )
    write_contract(tmp_path, "payments", {f"GET {known}": {} for known in templates})
    found = table(tmp_path).find(path)
    assert (found["GET"].template if found else None) == template


def test_the_published_contracts_can_be_routed_by() -> None:
    contracts = read_contracts(REPOSITORY / "contracts" / "openapi", SERVICES, DEFAULTS)
    routes = RoutingTable(contracts)
    for contract in contracts:
        for operation in contract.operations:
            found = routes.find(operation.template.replace("{", "").replace("}", ""))
            assert found is not None
            assert found[operation.method] is operation


def test_an_operation_has_the_limits_of_its_contract(tmp_path: Path) -> None:
    large = {"x-max-body-bytes": 512 * 1024 * 1024, "x-timeout-seconds": 600}
    write_contract(tmp_path, "payments", {"PUT /payments/v1/files": large, "GET /payments/v1/files": {}})
    operations = table(tmp_path).find("/payments/v1/files")
    assert operations is not None
    assert (operations["PUT"].max_body_bytes, operations["PUT"].timeout_seconds) == (536_870_912, 600.0)
    assert (operations["GET"].max_body_bytes, operations["GET"].timeout_seconds) == (1_000, 30.0)


@pytest.mark.parametrize(
    ("service", "paths", "reason"),
    [
        ("weather", {}, "no service of this name"),
        ("payments", {"/identity/v1/me": {"get": {}}}, "not under /payments/"),
        ("payments", {"/.well-known/x": {"get": {}}}, "not under /payments/"),
        ("payments", {"/.well-known/x/identity": {"get": {}}}, "not under /payments/"),
        ("payments", {"/.well-known/x/payments/y": {"get": {}}}, "not under /payments/"),
        ("payments", {"/x/payments": {"get": {}}}, "not under /payments/"),
        ("payments", {"/payments/{a}.csv": {"get": {}}}, "a whole segment"),
        ("payments", {"/payments/{a}": {"get": {}}, "/payments/{b}": {"get": {}}}, "same address"),
        ("payments", {"/payments/a": {"get": {"security": [{"unknown": []}]}}}, "not a usable OpenAPI document"),
        ("payments", {"/payments/a": {"get": {"x-timeout-seconds": "soon"}}}, "not a usable OpenAPI document"),
        ("payments", [], "not a usable OpenAPI document"),
    ],
)
def test_what_cannot_be_routed_is_refused_at_start(tmp_path: Path, service: str, paths: object, reason: str) -> None:
    document = {"info": {"title": "t"}, "paths": paths}
    (tmp_path / f"{service}.v1.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(ContractError, match=reason):
        table(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_what_is_no_contract_is_refused_at_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "payments.v1.json").write_text(content, "utf-8")
    with pytest.raises(ContractError, match=r"payments\.v1\.json: not a usable OpenAPI document"):
        table(tmp_path)


def test_no_contract_at_all_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="make contracts"):
        table(tmp_path)


async def test_each_path_goes_to_its_service(stage: Stage, client: httpx.AsyncClient) -> None:
    for service in SERVICES:
        stage.promise(service, {f"GET /{service}/v1/things": {}})
    answers = {
        service: f"HTTP/1.1 200 OK\r\nContent-Length: {len(service)}\r\n\r\n{service}".encode() for service in SERVICES
    }
    async with (
        scripted(answering(answers["identity"])) as identity,
        scripted(answering(answers["services"])) as services,
        scripted(answering(answers["payments"])) as payments,
        scripted(answering(answers["miniapps"])) as miniapps,
        stage.gateway(
            identity_url=identity.url, services_url=services.url, payments_url=payments.url, miniapps_url=miniapps.url
        ) as gateway,
    ):  # fmt: skip
        for service in SERVICES:
            assert (await client.get(f"{gateway}/{service}/v1/things")).text == service


async def test_discovery_documents_pass(stage: Stage, client: httpx.AsyncClient) -> None:
    documents = ["/identity/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/identity"]
    stage.promise("identity", {f"GET {document}": {} for document in documents})
    async with serving(echo) as identity, stage.gateway(identity_url=identity) as gateway:
        for document in documents:
            assert (await client.get(f"{gateway}{document}")).json()["target"] == document
        assert (await client.get(f"{gateway}/.well-known/oauth-authorization-server")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/payments", "/payments/v2/bills", "/payments/v1/bills/", "/livez/x", "/payments/livez", "/metricsx"],
)
async def test_an_unknown_path_is_no_endpoint(stage: Stage, client: httpx.AsyncClient, path: str) -> None:
    stage.promise("payments", {"GET /payments/v1/bills": {}})
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.get(f"{gateway}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_endpoint")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "OPTIONS", "TRACE", "PROPFIND"])
async def test_another_method_is_told_which_there_are(stage: Stage, client: httpx.AsyncClient, method: str) -> None:
    stage.promise("payments", {"POST /payments/v1/payments": {}, "GET /payments/v1/payments": {}})
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.request(method, f"{gateway}/payments/v1/payments")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_head_is_not_answered_where_get_is_not(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", {"POST /payments/v1/payments": {}})
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.head(f"{gateway}/payments/v1/payments")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_what_a_service_keeps_out_of_its_contract_stays_inside(stage: Stage, client: httpx.AsyncClient) -> None:
    """Health and metrics of services, for one; the gateway has its own health."""
    stage.promise("payments", {"GET /payments/v1/bills": {}})
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        for path in ("/metrics", "/payments/metrics", "/payments/v1/metrics", "/payments/livez"):
            assert (await client.get(f"{gateway}{path}")).json()["code"] == "no_such_endpoint"
        assert (await client.get(f"{gateway}/livez")).json() == {"status": "alive"}
