"""Every refusal with status 429 says when the next try will do; none is written without."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

from chassis.problems import Problem
from svc_identity.sign_in.refusals import Refused, TooOften

PACKAGES = ("chassis", "kit", "gateway", "svc_identity", "svc_services", "svc_payments", "svc_miniapps")
TOO_MANY = 429


def _import_everything() -> None:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _of_product(kind: type[Any]) -> list[type[Any]]:
    _import_everything()
    mine = {each for each in _below(kind) if each.__module__.partition(".")[0] in PACKAGES}
    return sorted((each for each in mine if getattr(each, "status", 0) == TOO_MANY), key=lambda each: each.__qualname__)


def _demands_a_time(kind: type[Any]) -> bool:
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    named = [each for each in parameters if each.name in {"wait", "free_at"}]
    return bool(named)


def test_every_refusal_of_a_page_with_429_demands_its_wait() -> None:
    found = [each for each in _of_product(Refused) if each is not TooOften]
    assert len(found) >= 9
    assert [each.__qualname__ for each in found if not issubclass(each, TooOften)] == []
    assert [each.__qualname__ for each in found if not _demands_a_time(each)] == []


def test_every_problem_with_429_carries_retry_after() -> None:
    found = _of_product(Problem)
    assert len(found) >= 12
    silent = [each for each in found if "Retry-After" not in getattr(each, "headers", {}) and not _demands_a_time(each)]
    assert [f"{each.__module__}.{each.__qualname__}" for each in silent] == []
