"""Keeps programs running: starts them, restarts crashed ones, stops all of them and nothing else."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.folder import log_file, remember_processes
from deploy.local.programs import READY_SECONDS, Process, Program, Starter, how_it_ended, why_not_ready

READY_POLL_SECONDS = 0.05
ALIVE_POLL_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 30.0

Say = Callable[[str], None]
AroundRestart = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Kept:
    """A program and its current process."""

    program: Program
    log: Path
    state: str = "starting"
    process: Process | None = None
    keeper: asyncio.Task[None] | None = None


class Supervisor:
    def __init__(self, data: Path, starter: Starter, say: Say) -> None:
        self._data = data
        self._say = say
        self._kept: dict[str, Kept] = {}
        self._around_restart: dict[str, AroundRestart] = {}
        self._starter = starter

    @property
    def kept(self) -> Iterable[Kept]:
        return self._kept.values()

    def pid_of(self, name: str) -> int:
        process = self._kept[name].process
        return process.pid if process else 0

    def state_of(self, name: str) -> str:
        return self._kept[name].state

    def around_restart(self, name: str, act: AroundRestart) -> None:
        """Set a context in which the program is restarted; it counts as ready once the context has ended."""
        self._around_restart[name] = act

    async def start(self, program: Program) -> None:
        """Start a program, wait until it is ready, and keep it running."""
        kept = self._kept[program.name] = Kept(program, log_file(self._data, program.name))
        await self._launch(kept)
        self._keep(kept)

    async def start_again(self, name: str) -> None:
        """Start a stopped program as before, wait until it is ready, and keep it running."""
        kept = self._kept[name]
        await self._launch_again(kept)
        self._keep(kept)

    async def run_to_end(self, program: Program) -> None:
        """Run a program that ends by itself, and wait for its end."""
        kept = self._kept[program.name] = Kept(program, log_file(self._data, program.name))
        process = await self._spawn(kept)
        await _ended(process, READY_POLL_SECONDS)
        del self._kept[program.name]
        if process.returncode != 0:
            raise CannotStart(why_not_ready(program, process, kept.log))

    async def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop a program and leave it stopped; `kill` sends SIGKILL instead of its stop signal."""
        kept = self._kept[name]
        await self._stop_keeping(kept)
        kept.state = "stopped"
        if kept.process:
            await _end(kept.process, signal.SIGKILL if kill else kept.program.stop_signal, kept.program.stop_seconds)

    async def stop_all(self) -> None:
        """Stop everything: first the processes that use the database and the broker, then those two."""
        # A keeper may be about to start its own or another program, so all keepers end first.
        await asyncio.gather(*(self._stop_keeping(kept) for kept in self._kept.values()))
        stores = [name for name in self._kept if name in {"postgres", "broker"}]
        await asyncio.gather(*(self.stop(name) for name in self._kept if name not in stores))
        await asyncio.gather(*(self.stop(name) for name in stores))
        remember_processes(self._data, {})

    async def _stop_keeping(self, kept: Kept) -> None:
        if kept.keeper:
            kept.keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept.keeper

    def _keep(self, kept: Kept) -> None:
        kept.keeper = asyncio.create_task(self._keep_running(kept))

    async def _launch_again(self, kept: Kept) -> None:
        around = self._around_restart.get(kept.program.name, contextlib.nullcontext)
        async with around():
            await self._launch(kept)
            kept.state = "restarting"
        kept.state = "ready"

    async def _launch(self, kept: Kept) -> None:
        kept.state = "starting"
        process = await self._spawn(kept)
        deadline = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(kept.program.ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(why_not_ready(kept.program, process, kept.log))
            await asyncio.sleep(READY_POLL_SECONDS)
        kept.state = "ready"

    async def _spawn(self, kept: Kept) -> Process:
        await asyncio.to_thread(kept.program.before_start)
        with kept.log.open("ab") as output:
            kept.process = self._starter.spawn(kept.program, output)
        pids = {name: each.process.pid for name, each in self._kept.items() if each.process}
        remember_processes(self._data, pids)
        return kept.process

    async def _keep_running(self, kept: Kept) -> None:
        """Restart the program whenever it ends, with a growing pause while it does not stay up."""
        name, pause = kept.program.name, FIRST_PAUSE_SECONDS
        while kept.process:
            up_since = time.monotonic()
            await _ended(kept.process, ALIVE_POLL_SECONDS)
            if time.monotonic() - up_since > HEALTHY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            kept.state = "restarting"
            self._say(f"{name} {how_it_ended(kept.process)}; restarting it (log: {kept.log}).")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                await self._launch_again(kept)
                self._say(f"{name} is ready again.")
            except (CannotStart, OSError) as error:
                self._say(str(error))
                await _end(kept.process, signal.SIGKILL, kept.program.stop_seconds)


async def _end(process: Process, with_signal: signal.Signals, seconds: float) -> None:
    process.send_signal(with_signal)
    try:
        async with asyncio.timeout(seconds):
            await _ended(process, READY_POLL_SECONDS)
    except TimeoutError:
        process.kill()
        await _ended(process, READY_POLL_SECONDS)


async def _ended(process: Process, poll_seconds: float) -> None:
    while process.poll() is None:  # noqa: ASYNC110 - no event signals the end of such a process
        await asyncio.sleep(poll_seconds)
