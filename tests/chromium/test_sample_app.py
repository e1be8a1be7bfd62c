"""The sample mini-app: a package that passes, and whose pages work on the smallest phone in each of its languages."""

import functools
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.inspection import inspect
from tests.chromium.browser import Tab
from tests.chromium.test_layout import fit, small
from tests.guides.markdown import ROOT

SAMPLE = ROOT / "docs/samples/hotlines"
DIRECTIONS = {"zh-Hans": "ltr", "kk-Arab": "rtl", "ug": "rtl"}
_ROWS = "document.querySelectorAll('.row').length"


@pytest.fixture
def packed() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(SAMPLE.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(SAMPLE))
    return content.getvalue()


@pytest.fixture
def opened(packed: bytes, tmp_path: Path) -> Iterator[str]:
    """The address at which the package's files are served."""
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the standard library
        pass


def test_it_passes_every_check_with_its_own_languages_and_nothing_else(packed: bytes) -> None:
    expected = Expected(None, "便民电话", 1, 0, frozenset(), frozenset(), frozenset(DIRECTIONS), frozenset({"harmony"}))
    sound = inspect(io.BytesIO(packed), expected)
    assert (sound.version_name, list(sound.permissions)) == ("1.0.0", [])


def test_every_language_has_the_same_texts() -> None:
    texts = [json.loads((SAMPLE / f"i18n/{each}.json").read_text("utf-8")) for each in DIRECTIONS]
    assert len({tuple(sorted(each)) for each in texts}) == 1
    assert len({tuple(sorted(each["numbers"])) for each in texts}) == 1
    assert all(set(number) == {"name", "use"} for each in texts for number in each["numbers"].values())


@pytest.mark.parametrize("language", DIRECTIONS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_its_pages_list_find_and_call(tab: Tab, opened: str, language: str, scheme: str) -> None:
    await small(tab, scheme)
    await tab.open(f"{opened}/pages/index.html?lang={language}")
    await tab.until(f"{_ROWS} === 12")
    assert await tab.run("document.documentElement.dir") == DIRECTIONS[language]
    await fit(tab)
    await tab.run("(s => { s.value = '12345'; s.dispatchEvent(new Event('input')); })(document.querySelector('input'))")
    assert await tab.run(_ROWS) == 1
    await tab.run("document.querySelector('.row').click()")
    await tab.until("document.querySelector('.call')?.href === 'tel:12345'")
    await fit(tab)
    await tab.tap("#back")
    await tab.until(f"{_ROWS} === 12")
    assert await tab.run("document.documentElement.lang") == language
    assert tab.complaints == []


async def test_a_number_that_it_does_not_have_is_not_called(tab: Tab, opened: str) -> None:
    for number in ("1", "constructor", "<b>1</b>"):
        await tab.open(f"{opened}/pages/number.html?number={number}&lang=zh-Hans")
        await tab.until("document.title === '没有找到，请换个说法'")
        assert await tab.run("document.getElementById('call').hidden")
        await fit(tab)
    assert tab.complaints == []
