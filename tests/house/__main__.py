"""`python -m tests.house`: the house rules, one sentence per fault."""

from pathlib import Path

from tests.house import conflict_markers, picture, rooms, schema_names, sizes
from tests.house.tree import ROOT, Fault

RULES = (conflict_markers.faults, picture.faults, rooms.faults, schema_names.faults, sizes.faults)


def main(root: Path = ROOT) -> int:
    found: list[Fault] = [fault for rule in RULES for fault in rule(root)]
    for fault in found:
        print(fault)
    print(f"house rules: {len(RULES)} checked, {len(found)} faults.")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
