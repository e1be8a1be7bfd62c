"""Objects of JSON in which no member stands twice. It imports no library."""

from typing import Any


class DuplicateMemberError(ValueError):
    """An object has the member of this name twice."""


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object, for `object_pairs_hook`.

    Raises:
        DuplicateMemberError
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise DuplicateMemberError(name)
        found[name] = value
    return found
