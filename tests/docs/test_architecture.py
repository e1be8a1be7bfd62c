"""Every module that the page of the architecture names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
# The page names modules of payments and of services from inside the service.
PLACES = (ROOT, ROOT / "svc_payments", ROOT / "svc_services")


def modules() -> set[str]:
    return set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+)`", PAGE))


def exists(module: str) -> bool:
    return any((place / module).is_dir() or (place / f"{module}.py").is_file() for place in PLACES)


def test_every_module_of_the_page_exists() -> None:
    assert len(modules()) > 30
    assert sorted(module for module in modules() if not exists(module)) == []


def test_a_module_that_does_not_exist_is_noticed() -> None:
    assert not exists("collection/nothing")
    assert exists("chassis/outbox")
