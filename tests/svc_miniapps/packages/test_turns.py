"""Turns of checks: two places, one for each team, and an answer in bounded time."""

import asyncio

import pytest

from chassis.db import new_id
from svc_miniapps.packages.inspection import ChecksBusy, Turns


async def test_one_team_never_holds_both_places() -> None:
    turns, release = Turns(most_seconds=0.2), asyncio.Event()
    greedy, other = new_id(), new_id()
    held = 0

    async def hold() -> None:
        nonlocal held
        async with turns.of(greedy):
            held += 1
            await release.wait()

    tasks = [asyncio.create_task(hold()) for _ in range(8)]
    await asyncio.sleep(0.05)
    assert held == 1
    async with turns.of(other):  # does not wait for the seven
        assert turns.limiter.borrowed_tokens == 2
    await asyncio.sleep(0.3)
    release.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(each, ChecksBusy) for each in outcomes) == 7
    assert turns.limiter.borrowed_tokens == 0


async def test_a_third_team_is_asked_to_come_back() -> None:
    turns = Turns(most_seconds=0.05)
    async with turns.of(new_id()), turns.of(new_id()):
        with pytest.raises(ChecksBusy) as busy:
            async with turns.of(new_id()):
                pass
    assert (busy.value.status, busy.value.code) == (503, "checks_busy")
    assert int(busy.value.headers["Retry-After"]) > 0
    async with turns.of(new_id()):
        pass


async def test_a_check_that_fails_gives_its_place_back() -> None:
    turns, team = Turns(places=1, most_seconds=0.05), new_id()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with turns.of(team):
                _ = 1 / 0
