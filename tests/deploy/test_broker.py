"""The embedded broker authenticates nobody, so nobody but this machine reaches it."""

from ipaddress import ip_address
from pathlib import Path

import psutil

from deploy.local import broker
from deploy.local.programs import free_port, running


def test_the_embedded_broker_listens_on_loopback_only(tmp_path: Path) -> None:
    port = free_port()
    with running(broker.program(port), tmp_path / "broker.log") as process:
        connections = psutil.Process(process.pid).net_connections(kind="inet")
        listening = [connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN]
    assert [address.port for address in listening] == [port]
    assert all(ip_address(address.ip).is_loopback for address in listening)
