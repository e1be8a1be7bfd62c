"""A headless Chromium and its tabs, spoken to by the DevTools protocol without another library."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

APP = "http://127.0.0.1:53124/callback"
"""Where a browser comes back to an app; the tab answers in its place."""
_DEADLINE = 40.0
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"),
    *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
Values = dict[str, Any]


def executable() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    def __init__(self, to_it: int, from_it: int) -> None:
        self._to_it, self._from_it = to_it, from_it
        self._numbers, self._waiting = itertools.count(1), dict[int, asyncio.Future[Values]]()
        self._listeners: list[Callable[[Values], None]] = []
        self._unread = b""
        asyncio.get_running_loop().add_reader(from_it, self._read)

    def _read(self) -> None:
        received = os.read(self._from_it, 1 << 16)
        if not received:
            asyncio.get_running_loop().remove_reader(self._from_it)
        *messages, self._unread = (self._unread + received).split(b"\0")
        for message in map(json.loads, messages):
            if waiting := self._waiting.pop(message.get("id"), None):
                waiting.set_result(message)
            for listener in self._listeners:
                listener(message)

    def listen(self, listener: Callable[[Values], None]) -> None:
        self._listeners.append(listener)

    async def call(self, method: str, session: str = "", **parameters: Any) -> Values:  # noqa: ANN401 - JSON
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._to_it, json.dumps(message).encode() + b"\0")
        answer = await asyncio.wait_for(self._waiting[number], _DEADLINE)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: Values = answer["result"]
        return result

    async def tab(self) -> "Tab":
        """A tab with cookies of its own."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.call("Fetch.enable", patterns=[{"urlPattern": f"{APP}*"}])
        return tab


class Tab:
    def __init__(self, chromium: Chromium, session: str) -> None:
        self._chromium, self._session = chromium, session
        self.complaints: list[str] = []
        """What the browser says of violated policies and failed scripts."""
        self._answers = set[asyncio.Task[Values]]()
        chromium.listen(self._hear)

    async def call(self, method: str, **parameters: Any) -> Values:  # noqa: ANN401 - JSON
        return await self._chromium.call(method, self._session, **parameters)

    def _hear(self, message: Values) -> None:
        if message.get("sessionId") != self._session:
            return
        about = message.get("params", {})
        match message.get("method"):
            case "Fetch.requestPaused":
                body = base64.b64encode(b"<title>app</title>").decode()
                answer = self.call("Fetch.fulfillRequest", requestId=about["requestId"], responseCode=200, body=body)
                self._answers.add(asyncio.get_running_loop().create_task(answer))
            case "Runtime.exceptionThrown":
                self.complaints.append(about["exceptionDetails"]["text"])
            case "Log.entryAdded" if about["entry"]["source"] == "security":
                self.complaints.append(about["entry"]["text"])

    async def open(self, address: str) -> None:
        await self.run("window.before = true")
        await self.call("Page.navigate", url=address)
        await self.until("!window.before && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """The value of an expression in the page; awaited where it is a promise."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait for an expression to be true, through any change of page."""
        end = time.monotonic() + _DEADLINE
        while True:
            with contextlib.suppress(AssertionError):  # between two pages there is nowhere to run it
                if await self.run(f"Boolean({script})"):
                    return
            if time.monotonic() > end:
                shown = await self.run("location.href + '\\n' + (document.body ? document.body.innerText : '')")
                raise AssertionError(f"never true: {script}\n{shown}\n{self.complaints}")
            await asyncio.sleep(0.05)

    async def fill(self, name: str, value: str) -> None:
        await self.run(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")

    async def tick(self) -> None:
        await self.run("document.querySelectorAll('[type=checkbox]').forEach(each => { each.checked = true; })")

    async def tap(self, selector: str, *, times: int = 1) -> None:
        """Tap a button; further taps come while the first one is on its way."""
        for turn in range(times):
            with contextlib.suppress(AssertionError):
                await self.run(f"document.querySelector({json.dumps(selector)})?.click()")
            if turn + 1 < times:
                await asyncio.sleep(0.15)

    async def slow_down(self) -> None:
        """A second-generation network."""
        conditions = {"latency": 500, "downloadThroughput": 30_000, "uploadThroughput": 15_000}
        await self.call("Network.emulateNetworkConditions", offline=False, **conditions)

    async def without_script(self) -> None:
        await self.call("Emulation.setScriptExecutionDisabled", value=True)

    async def at_app(self) -> str:
        """Wait until the browser is back at the app; the address there."""
        await self.until(f"location.href.startsWith({json.dumps(APP)})")
        return str(await self.run("location.href"))


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Chromium]:
    (its_in, to_it), (from_it, its_out) = os.pipe(), os.pipe()
    command = f'exec "$0" "$@" 3<&{its_in} 4>&{its_out}'
    arguments = [executable() or "", *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - it starts at once and is ours
            ["/bin/bash", "-c", command, *arguments], pass_fds=(its_in, its_out), stdout=log, stderr=log
        )
    os.close(its_in)
    os.close(its_out)
    try:
        yield Chromium(to_it, from_it)
    finally:
        asyncio.get_running_loop().remove_reader(from_it)
        process.terminate()
        process.wait(20)
        os.close(to_it)
        os.close(from_it)
