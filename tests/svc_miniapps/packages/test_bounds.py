"""Whatever a file holds, its check ends with an answer, in bounded memory and time."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from svc_miniapps.packages.checks.findings import MOST, Finding
from svc_miniapps.packages.checks.inspection import Sound, check
from svc_miniapps.packages.checks.manifest import Expected, check_manifest, read_manifest
from svc_miniapps.packages.checks.pages import Elements, parts_of
from svc_miniapps.packages.checks.scanner import Scanner, TooComplexError
from svc_miniapps.pictures import picture_of
from tests.svc_miniapps.packages.inspected import EXPECTED, entries
from tests.svc_miniapps.sample_packages import Entry, Package, manifest_for, zipped

ROOT = Path(__file__).parents[3]
MEBIBYTE = 1024 * 1024
MOST_MEMORY = 64 * MEBIBYTE
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
_MEMBER_NAMES = st.sampled_from(["app_id", "name", "icons", "pages", "widgets", "window", "version", "req_permissions"])
_quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_quickly
@given(changes=st.dictionaries(_MEMBER_NAMES, _JSON, max_size=4))
def test_any_manifest_has_an_answer(changes: dict[str, Any]) -> None:
    manifest = {**manifest_for("a", "b"), **changes}
    read = read_manifest(json.dumps(manifest).encode("utf-8", "surrogatepass"))
    findings = [read] if isinstance(read, Finding) else list(check_manifest(read, Expected()))
    for finding in findings:
        assert finding.render("ug")["message"]


@settings(_quickly, max_examples=200)
@given(content=st.binary(max_size=400))
def test_any_bytes_are_a_manifest_or_a_finding(content: bytes) -> None:
    assert isinstance(read_manifest(content), dict | Finding)


@settings(_quickly, max_examples=200)
@given(
    head=st.sampled_from([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b""]),
    tail=st.binary(max_size=60),
    end=st.sampled_from([b"", b"\xff\xd9", b"IEND\xaeB`\x82"]),
)
def test_any_bytes_are_a_picture_or_none(head: bytes, tail: bytes, end: bytes) -> None:
    content = head + tail + end
    picture_of(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:] if head[:4] == b"RIFF" else content)


_TEXTS = st.text(min_size=1, max_size=20)
_ENTRIES = st.builds(
    Entry,
    name=st.binary(min_size=1, max_size=20) | _TEXTS.map(lambda text: text.encode("utf-8", "replace")),
    content=st.binary(max_size=60),
    flags=st.sampled_from([0, 1, 8, 0x800, 0x808, 0x2800]),
    method=st.sampled_from([0, 8, 12, 99]),
    mode=st.integers(0, 0xFFFF),
    dos=st.integers(0, 0xFF),
    unpacked=st.none() | st.integers(0, 2**32 - 1),
    local_packed=st.none() | st.integers(0, 2**32 - 1),
    extra=st.binary(max_size=12),
    local_extra=st.none() | st.binary(max_size=12),
    offset=st.none() | st.integers(0, 2_000),
    behind=st.binary(max_size=8),
)


@_quickly
@given(more=st.lists(_ENTRIES, max_size=3), place=st.integers(0, 2_000), byte=st.integers(0, 255))
def test_any_zip_structure_has_an_answer(more: list[Entry], place: int, byte: int) -> None:
    content = bytearray(zipped([*more, *entries()]))
    content[place % len(content)] = byte
    outcome = check(io.BytesIO(bytes(content)), EXPECTED)
    assert isinstance(outcome, Sound) or 0 < len(outcome) <= MOST


def test_the_scripts_of_a_package_share_one_bound_of_work() -> None:
    script = b"a.b(1);" * 100
    once = Scanner(frozenset(), most_nodes=1_500)
    once.facts_of(script)
    with pytest.raises(TooComplexError):
        once.facts_of(script)


def test_a_script_is_visited_node_by_node_once() -> None:
    """Chains and nests do not make a node be visited again: the bound of nodes is a bound of the work."""
    for script in (
        b"x=" + b'""+(' * 9_000 + b'""' + b")" * 9_000,
        b"a" + b".constructor.b" * 9_000,
        b'"a"+' * 9_000 + b"1",
    ):
        Scanner(frozenset(), most_nodes=120_000).facts_of(script)


def test_the_elements_of_all_pages_share_one_bound() -> None:
    elements = Elements(left=150)
    assert list(parts_of(b"<p a b>" * 40, elements)) == []
    assert ("unbearable", 1, "") in list(parts_of(b"<p a b>" * 40, elements))


_WIDGETS = b'{"widgets": [' + b"{}," * 83_000 + b"{}]}"
_WORST = {
    "83,000 wrong widgets": lambda: Package(_WIDGETS).packed(),
    "4,000 wrong values": lambda: Package(b'{"pages": [' + b"1," * 4_000 + b"1]}").packed(),
    "deep script": lambda: zipped([*entries(), Entry(b"common/a.js", b"x=" + b"[" * 250_000 + b"]" * 250_000)]),
    "script of 20 MB in one line": lambda: zipped([*entries(), Entry(b"common/a.js", b"a(1);" * 4_000_000, method=0)]),
    "script at the limit": lambda: zipped([*entries(), Entry(b"common/a.js", b"a.b(1, 'c');\n" * 30_000)]),
    "20 MB of pictures": lambda: zipped([*entries(), Entry(b"common/a.jpg", bytes(19 * MEBIBYTE), method=0)]),
    "2,000 long names": lambda: zipped([*entries(), *(Entry(b"c/%d" % n + b"x" * 200) for n in range(1_990))]),
}
_MEASURED = r"""
import re, resource, sys
from svc_miniapps.packages.checks.inspection import check
from svc_miniapps.packages.checks.manifest import Expected
with open(sys.argv[1], "rb") as file:
    check(file, Expected())
own = int(re.search(r"VmHWM:\s+([0-9]+)", open("/proc/self/status").read())[1])  # ru_maxrss has that of the test too
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
"""


@pytest.mark.parametrize("name", _WORST)
def test_a_check_takes_little_memory_and_time(name: str, tmp_path: Path) -> None:
    """The peak of the process and of the one that parses scripts, each with Python in it."""
    file = tmp_path / "package.ma"
    file.write_bytes(_WORST[name]())
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _MEASURED, str(file)], cwd=ROOT, capture_output=True, check=True, timeout=100
    )
    assert int(done.stdout) * 1024 < MOST_MEMORY + file.stat().st_size, done.stdout
    assert time.monotonic() - started < 60
