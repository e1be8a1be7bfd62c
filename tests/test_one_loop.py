"""All asynchronous fixtures and tests share one event loop for the whole run."""

import inspect

import pytest


def uses_asynchronous_fixtures(item: pytest.Function) -> bool:
    fixtures = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - pytest has no public name for it
    definitions = (found[-1].func for found in fixtures.values() if found)
    return any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in definitions)


def test_no_synchronous_test_uses_an_asynchronous_fixture(request: pytest.FixtureRequest) -> None:
    """Such a test has no loop factory: pytest-asyncio ends the loop for it, and every template and server with it."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    synchronous = [item for item in tests if not item.get_closest_marker("asyncio")]
    assert request.node in synchronous
    assert {item.nodeid.split("[")[0] for item in synchronous if uses_asynchronous_fixtures(item)} == set()
