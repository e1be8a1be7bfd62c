"""The gateway as a process: its start, its log, its end."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from chassis.testing import PUBLIC_URL, Tokens
from tests.gateway.processes import REPOSITORY, GatewayProcess, command, environment
from tests.gateway.stage import SERVICES, Stage, dialogue, listening_socket, read_head, reset, scripted, unused_port

PATH = "/payments/v1/bill-files/may.csv"


async def reset_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    reset(writer)


def lines_of(log: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]


async def test_the_log_tells_what_failed_and_nothing_of_what_was_sent(
    gateway_process: GatewayProcess, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    bad = tokens.sign(aud="elsewhere")
    async with scripted(reset_after_request, gateway_process.payments_port):
        failed = await client.put(
            f"{gateway_process.url}/payments/v1/bill-files/zhangsan.csv?phone=13800000001",
            content="张三,650102199001010000".encode(),
            headers={**tokens.resident(), "X-Request-ID": "request-0001"},
        )
        refused = await client.put(
            f"{gateway_process.url}{PATH}",
            headers={"Authorization": f"Bearer {bad}", "X-Request-ID": "request-0002"},
        )
    assert (failed.status_code, refused.status_code) == (502, 401)
    events = {(line["event"], line["request_id"]): line for line in lines_of(gateway_process.log)}
    broken = events["upstream_failed", "request-0001"]
    assert (broken["service"], broken["kind"]) == ("payments", "broken")
    assert broken["route"] == "/payments/v1/bill-files/{file_name}"
    assert events["refused", "request-0002"]["problem"] == "token_invalid"
    everything = gateway_process.log.read_text("utf-8")
    for private in ("zhangsan", "13800000001", "张三", "650102199001010000", bad, "eyJ"):
        assert private not in everything


async def test_a_request_under_way_is_finished_before_the_gateway_ends(
    gateway_process: GatewayProcess, client: httpx.AsyncClient
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        reached.set()
        await go_on.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        await writer.drain()

    async with scripted(script, gateway_process.payments_port):
        request = asyncio.create_task(client.put(f"{gateway_process.url}{PATH}", content=b"x"))
        await reached.wait()
        ending = asyncio.create_task(gateway_process.stop())
        async with asyncio.timeout(10):
            while True:  # the listening socket closes first
                try:
                    async with dialogue(gateway_process.url):
                        await asyncio.sleep(0.02)
                except ConnectionError:
                    break
        go_on.set()
        assert (await request).text == "done"
        assert await ending in {0, -15}


async def test_a_client_cannot_name_its_own_address(gateway_process: GatewayProcess, client: httpx.AsyncClient) -> None:
    """Uvicorn would trust this header from a client on the same machine by default."""
    head = b""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal head
        head = await read_head(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with scripted(script, gateway_process.payments_port):
        answer = await client.put(f"{gateway_process.url}{PATH}", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code == 204
    assert "server" not in answer.headers
    assert b"\r\nx-forwarded-for: 127.0.0.1\r\n" in head


async def test_the_process_may_open_a_file_for_every_connection_it_admits() -> None:
    """Shells and service managers often allow 1,024, which two addresses could use up."""
    program = "import resource as r; from gateway.clients import allow_files; allow_files(1500)"
    shown = f"{program}; print(r.getrlimit(r.RLIMIT_NOFILE)[0])"
    shell = f"ulimit -Sn 300; exec {sys.executable} -c '{shown}'"
    process = await asyncio.create_subprocess_exec("bash", "-c", shell, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert output.split()[-1] == b"1500"


async def test_a_taken_port_of_metrics_is_one_sentence(stage: Stage) -> None:
    stage.promise("payments", {})
    with listening_socket() as taken:
        taken.listen()
        settings = {f"{service}_url": "http://127.0.0.1:1" for service in SERVICES}
        variables = environment(
            public_url=PUBLIC_URL,
            jwks_url="http://127.0.0.1:1",
            contracts=str(stage.contracts),
            metrics_port=str(taken.getsockname()[1]),
            **settings,
        )
        process = await asyncio.create_subprocess_exec(
            *command(unused_port()), env=variables, cwd=REPOSITORY, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 3
    assert b"MYILI_METRICS_PORT: Address already in use" in errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"payments_url": "ftp://127.0.0.1:1"}, "MYILI_PAYMENTS_URL"),
        ({"answer_seconds": "0"}, "MYILI_ANSWER_SECONDS"),
        ({"payments_url": ""}, "MYILI_PAYMENTS_URL: is not set"),
        ({"contracts": "/nonexistent"}, "There is no contract in /nonexistent"),
    ],
)
def test_a_broken_setting_is_one_sentence(stage: Stage, changed: dict[str, str], sentence: str) -> None:
    stage.promise("payments", {})
    addresses = {f"{service}_url": "http://127.0.0.1:1" for service in SERVICES}
    settings = {
        "public_url": PUBLIC_URL,
        "jwks_url": "http://127.0.0.1:1",
        "contracts": str(stage.contracts),
        **addresses,
    }
    ended = subprocess.run(  # noqa: S603 - our own command
        command(unused_port()),
        env=environment(**{**settings, **changed}),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
