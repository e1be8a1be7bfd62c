"""`python -m tests.house.picture`: draw the services, and the rooms of each, into docs/architecture.md.

Floors come from the layers contracts, arrows from the imports, events from the handlers, all as Mermaid text. Only what
stands between the page's two markers is replaced.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import TypeAlias

import grimp

from tests.house.floors import floors, rooms
from tests.house.tree import ROOT, SERVICES, Fault

Arrow: TypeAlias = tuple[str, str]

PAGE = "docs/architecture.md"
BEGIN, END = "<!-- picture -->", "<!-- end of the picture -->"
_LABEL_WIDTH = 44
_HANDLED = re.compile(r'Handler\(\s*"cn\.ili\.(\w+)\.([\w.]+)\.v\d+"')


def faults(root: Path) -> Iterator[Fault]:
    page = (root / PAGE).read_text("utf-8")
    if drawn_into(page, picture(root)) != page:
        yield Fault(PAGE, 1, "the picture is not what the code imports now: run `make picture` and commit it.")


def drawn_into(page: str, text: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}"


def picture(root: Path) -> str:
    present = [service for service in SERVICES if (root / service).is_dir()]
    parts = [("Services and events", services(root, present))]
    parts += [(f"`{service}`, its rooms by floors", by_floors(root, service)) for service in present]
    return "\n".join(f"### {title}\n\n```mermaid\n{chart}\n```\n" for title, chart in parts)


def services(root: Path, present: list[str]) -> str:
    """The gateway calls every service; an event goes from the service that publishes it to those that handle it."""
    lines = ["flowchart LR", *(f"    gateway == HTTP ==> {service}" for service in present)]
    for service in present:
        handled: dict[str, set[str]] = {}
        for file in sorted((root / service).rglob("*.py")):
            for publisher, event in _HANDLED.findall(file.read_text("utf-8")):
                handled.setdefault(f"svc_{publisher}", set()).add(event)
        for publisher, events in sorted(handled.items()):
            lines.append(f'    {publisher} -. "{_lines(sorted(events))}" .-> {service}')
    return "\n".join(lines)


def by_floors(root: Path, service: str) -> str:
    here = rooms(root, service)
    arrows = imports(service, here)
    placed = [[name for name in floor if name in here] for floor in floors(root, service)]
    stacked = [floor for floor in placed if floor]
    lines = ["flowchart TB", *(f'    {room}["{_label(root / service, room)}"]' for room in here)]
    # The invisible links keep each floor in a row of its own.
    lines += [f"    {upper} ~~~ {lower}" for above, below in pairwise(stacked) for upper in above for lower in below]
    return "\n".join([*lines, *(f"    {upper} --> {lower}" for upper, lower in sorted(without_detours(arrows)))])


def imports(service: str, here: list[str]) -> set[Arrow]:
    """Which room imports which."""
    graph = grimp.build_graph(service, cache_dir=None)
    for room in here:
        graph.squash_module(f"{service}.{room}")
    return {
        (importer, imported)
        for importer in here
        for imported in here
        if graph.direct_import_exists(importer=f"{service}.{importer}", imported=f"{service}.{imported}")
    }


def without_detours(arrows: Iterable[Arrow]) -> set[Arrow]:
    """The fewest arrows that lead wherever all of them lead, so that the picture can be read."""
    kept = set(arrows)
    for arrow in sorted(kept):
        if _leads(kept - {arrow}, *arrow):
            kept.discard(arrow)
    return kept


def _leads(arrows: set[Arrow], start: str, goal: str) -> bool:
    seen, waiting = set[str](), [start]
    while waiting:
        here = waiting.pop()
        seen.add(here)
        waiting += [there for origin, there in arrows if origin == here and there not in seen]
    return goal in seen


def _label(service: Path, room: str) -> str:
    slices = sorted(path.parent.name for path in (service / room).glob("*/__init__.py"))
    return "<br/>".join([f"<b>{room}</b>", *([_lines(slices)] if slices else [])])


def _lines(names: list[str]) -> str:
    return "<br/>".join(wrap(", ".join(names), _LABEL_WIDTH, break_long_words=False))


def main(root: Path = ROOT) -> int:
    page = root / PAGE
    page.write_text(drawn_into(page.read_text("utf-8"), picture(root)), "utf-8")
    print(f"{PAGE} shows the code as it is now.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
