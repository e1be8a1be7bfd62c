"""Calls to outside systems that end a connection before it carries anything."""

import socket
import struct
import threading

import pytest

from chassis.http_client import NoAnswer, NotReached, call, outside_client

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends a reset
CALLS = 100


async def test_a_connection_that_is_reset_at_once_is_said_to_have_failed() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=CALLS) as server:
        thread = threading.Thread(target=reset_all, args=(server,), daemon=True)
        thread.start()
        async with outside_client(f"http://127.0.0.1:{server.getsockname()[1]}") as client:
            for _ in range(CALLS):
                with pytest.raises((NotReached, NoAnswer)):
                    await call(client, client.build_request("GET", "/"), seconds=5)
        thread.join()


def reset_all(server: socket.socket) -> None:
    for _ in range(CALLS):
        connection, _ = server.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()
