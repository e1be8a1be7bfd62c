"""What `terminal.sh` is set up with before a guide is followed."""

import os
import socket
import subprocess
from pathlib import Path

from tests.guides.markdown import ROOT

_PORTS = ". docs/guides/terminal.sh; echo $COMPANY_PORT $OTHER_COMPANY_PORT"


def ports(folder: Path, **given: str) -> tuple[str, ...]:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), **given}
    addresses = {"GATEWAY": "-", "SMS": "-", "OPERATOR": "-", "SECOND_OPERATOR": "-"}
    done = subprocess.run(  # noqa: S603 - ours
        ["/bin/bash", "-c", _PORTS],
        cwd=ROOT,
        env={**environment, **addresses},
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(done.stdout.split())


def test_a_company_of_another_terminal_keeps_its_port(tmp_path: Path) -> None:
    """A second one that listened there would fail unseen, and the platform go on calling the first."""
    first, _ = ports(tmp_path)
    with socket.create_server(("127.0.0.1", int(first))):
        second, other = ports(tmp_path)
    assert int(first) < int(second) < int(other)


def test_ports_that_are_set_are_kept(tmp_path: Path) -> None:
    assert ports(tmp_path, COMPANY_PORT="1234", OTHER_COMPANY_PORT="1235") == ("1234", "1235")
