"""The picture is drawn from contracts, imports and handlers, and a page that shows something else is a fault."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.picture import BEGIN, END, PAGE, by_floors, drawn_into, faults, main, services, without_detours

CONTRACT = """[[tool.importlinter.contracts]]
type = "layers"
containers = ["svc_toys"]
exhaustive = true
layers = ["app", "shop", "games | dolls", "wood", "settings"]
"""
FILES = {
    "pyproject.toml": CONTRACT,
    PAGE: f"# Toys\n\n{BEGIN}\nold\n{END}\n\nMore.\n",
    "svc_toys/__init__.py": "",
    "svc_toys/settings.py": "",
    "svc_toys/app.py": "from svc_toys.shop import sales",
    "svc_toys/shop/__init__.py": "",
    "svc_toys/shop/sales/__init__.py": "from svc_toys.games.chess import board\nfrom svc_toys.wood import grain",
    "svc_toys/dolls/__init__.py": "from svc_toys import settings",
    "svc_toys/games/__init__.py": "",
    "svc_toys/games/chess.py": "def board() -> None:\n    from svc_toys.wood.grain import oak",
    "svc_toys/wood/__init__.py": "",
    "svc_toys/wood/grain.py": "oak = 1",
    "svc_toys/wood/consumers.py": 'HANDLERS = [\n    Handler(\n        "cn.ili.forest.tree.felled.v1", Tree\n    ),\n]',
}


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("tests.house.picture.SERVICES", ("svc_toys", "svc_absent"))
    yield tmp_path
    sys.modules.pop("svc_toys", None)


def test_rooms_stand_on_their_floors_and_arrows_say_who_imports_whom(toys: Path) -> None:
    assert by_floors(toys, "svc_toys").splitlines() == [
        "flowchart TB",
        '    dolls["<b>dolls</b>"]',
        '    games["<b>games</b>"]',
        '    shop["<b>shop</b><br/>sales"]',
        '    wood["<b>wood</b>"]',
        "    shop ~~~ games",
        "    shop ~~~ dolls",
        "    games ~~~ wood",
        "    dolls ~~~ wood",
        "    games --> wood",
        "    shop --> games",
    ]


def test_without_a_contract_the_arrows_alone_are_drawn(toys: Path) -> None:
    (toys / "pyproject.toml").write_text("[tool.importlinter]\ncontracts = []\n")
    chart = by_floors(toys, "svc_toys")
    assert "~~~" not in chart
    assert "shop --> games" in chart


def test_events_go_from_who_publishes_to_who_handles(toys: Path) -> None:
    assert services(toys, ["svc_toys"]).splitlines() == [
        "flowchart LR",
        "    gateway == HTTP ==> svc_toys",
        '    svc_forest -. "tree.felled" .-> svc_toys',
    ]


@pytest.mark.parametrize(
    ("arrows", "kept"),
    [
        ({("a", "b"), ("b", "c"), ("a", "c")}, {("a", "b"), ("b", "c")}),
        ({("a", "b"), ("a", "c")}, {("a", "b"), ("a", "c")}),
        ({("a", "b"), ("b", "a")}, {("a", "b"), ("b", "a")}),
    ],
)
def test_an_arrow_that_a_longer_way_stands_for_is_left_out(
    arrows: set[tuple[str, str]], kept: set[tuple[str, str]]
) -> None:
    assert without_detours(arrows) == kept


def test_only_what_is_between_the_markers_changes() -> None:
    assert drawn_into(f"a\n{BEGIN}\nold\n{END}\nb\n", "new\n") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n"


def test_a_page_that_shows_other_imports_is_a_fault(toys: Path) -> None:
    (fault,) = faults(toys)
    assert (fault.file, "make picture" in fault.sentence) == (PAGE, True)
    assert main(toys) == 0
    assert list(faults(toys)) == []
    (toys / "svc_toys/dolls/__init__.py").write_text("from svc_toys.wood import grain")
    assert [fault.file for fault in faults(toys)] == [PAGE]
