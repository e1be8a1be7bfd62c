"""`python -m contracts export | check | release VERSION`: the contracts of the services."""

import sys
from pathlib import Path

from contracts.compatibility import breaks
from contracts.corrections import uncovered
from contracts.documents import FOLDER, NotAContract, current, in_folder, paths_in
from contracts.faults import faults

RELEASED = FOLDER / "released"


def export() -> int:
    """Write the contracts that the code defines, and remove files of contracts it no longer defines."""
    documents = current()
    for stale in set(paths_in(FOLDER)) - set(documents):
        (FOLDER / stale).unlink()
        print(f"removed contracts/{stale}")
    for path, text in documents.items():
        _write(FOLDER / path, text)
    print(f"{len(documents)} contracts are in contracts/openapi and contracts/events.")
    return 0


def check() -> int:
    """Fail when a contract is stale, has a fault of its own, or breaks a released one."""
    contracts, documents = in_folder(FOLDER), current()
    on_disk = {path: (FOLDER / path).read_text("utf-8") for path in paths_in(FOLDER)}
    found = [
        f"contracts/{path} is stale: run `make contracts` and commit it."
        for path in sorted(documents.keys() | on_disk.keys())
        if documents.get(path) != on_disk.get(path)
    ]
    found += [fault for path, document in contracts.items() for fault in faults(path, document)]
    found += broken_releases()
    for fault in found:
        print(fault)
    print(f"contracts: {len(documents)} checked, {len(found)} faults.")
    return 1 if found else 0


def broken_releases() -> list[str]:
    """Breaks of any released version by the contracts in `contracts/`, as sentences."""
    now = in_folder(FOLDER)
    return uncovered(
        (release.name, fault)
        for release in sorted(RELEASED.iterdir())
        for path, document in in_folder(release).items()
        for fault in breaks(path, document, now.get(path))
    )


def release(version: str) -> int:
    """Store the current contracts as a released version, to which later ones may only add."""
    folder = RELEASED / version
    if folder.exists():
        print(f"{version} is released already, and a released version does not change.")
        return 1
    for path in in_folder(FOLDER):
        _write(folder / path, (FOLDER / path).read_text("utf-8"))
    print(f"Released contracts {version}: say what is new in contracts/CHANGELOG.md.")
    return 0


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def main(arguments: list[str]) -> int:
    """Exit codes: 0 done and right; 1 it is not; 2 no such command."""
    try:
        return _run(arguments)
    except NotAContract as fault:
        print(f"{fault}: `python -m contracts export` writes those of the code anew; released ones never change.")
        return 1


def _run(arguments: list[str]) -> int:
    match arguments:
        case ["export"]:
            return export()
        case ["check"]:
            return check()
        case ["release", version]:
            return release(version)
        case _:
            print(__doc__)
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
