"""The limits of strings, numbers and lists: which of two schemas is the narrower."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import interegular

Schema = dict[str, Any]
_INFINITE = float("inf")


def narrower(inner: Schema, outer: Schema) -> Iterator[str]:
    """Values that the limits of the inner schema admit and those of the outer one exclude."""
    if _lower(inner) < _lower(outer):
        yield f"numbers below {_limit(outer, 'minimum', 'exclusiveMinimum')}"
    if _upper(inner) > _upper(outer):
        yield f"numbers above {_limit(outer, 'maximum', 'exclusiveMaximum')}"
    for keyword, (exceeds, phrase) in LIMITS.items():
        if keyword in outer and exceeds(inner.get(keyword), outer[keyword]):
            yield phrase.format(outer[keyword])


def _lower(schema: Schema) -> tuple[float, bool]:
    """The bound, and whether it is exclusive; a smaller tuple admits more."""
    return max((schema.get("minimum", -_INFINITE), False), (schema.get("exclusiveMinimum", -_INFINITE), True))


def _upper(schema: Schema) -> tuple[float, bool]:
    return min((schema.get("maximum", _INFINITE), True), (schema.get("exclusiveMaximum", _INFINITE), False))


def _limit(schema: Schema, *names: str) -> str:
    return " or ".join(f"{schema[name]:g}" for name in names if name in schema)


def _below(mine: float | None, theirs: float) -> bool:
    return (mine or 0) < theirs


def _above(mine: float | None, theirs: float) -> bool:
    return mine is None or mine > theirs


def _differs(mine: object, theirs: object) -> bool:
    return mine != theirs


def _matches_more(mine: str | None, theirs: str) -> bool:
    """Whether some text matches only the first pattern; true when that cannot be decided."""
    if mine is None or mine == theirs:
        return mine is None
    try:
        return not _automaton(mine).issubset(_automaton(theirs))  # type: ignore[no-untyped-call]
    except (interegular.InvalidSyntax, interegular.Unsupported):
        return True


def _automaton(pattern: str) -> interegular.FSM:
    whole = re.fullmatch(r"\^(.*)\$", pattern)
    inside = re.sub(r"\\.|\[[^]]*]", "", whole[1]) if whole else ""
    while inside != (inside := re.sub(r"\([^()]*\)", "", inside)):
        pass
    if whole is None or "|" in inside:  # an anchor that holds for one alternative alone
        raise interegular.Unsupported(pattern)
    return interegular.parse_pattern(whole[1]).to_fsm()


def _repeats(mine: bool | None, theirs: bool) -> bool:  # noqa: FBT001 - values of a keyword
    return theirs and not mine


def _no_multiple(mine: float | None, theirs: float) -> bool:
    return mine is None or mine % theirs != 0


def _never(_mine: object, _theirs: object) -> bool:
    return False


LIMITS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minLength": (_below, "text shorter than {}"),
    "maxLength": (_above, "text longer than {}"),
    "pattern": (_matches_more, "text that does not match {}"),
    "format": (_differs, "text of another format than {}"),
    "multipleOf": (_no_multiple, "numbers that are no multiple of {}"),
    "minItems": (_below, "fewer items than {}"),
    "maxItems": (_above, "more items than {}"),
    "uniqueItems": (_repeats, "items twice"),
    "minProperties": (_below, "fewer members than {}"),
    "maxProperties": (_above, "more members than {}"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), (_never, "")),
}
"""Keyword -> whether the inner schema admits more, and which values; number bounds are compared by `narrower`."""
