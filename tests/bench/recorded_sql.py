"""The SQL of a piece of work, recorded once and written as a pgbench script that does it for ever new rows."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_PLACE = re.compile(r"\$([0-9]+)")
_LARGEST_NUMBER = 2**31
_MD5_BYTES = 16


class Recorded:
    """Statements with their parameters in the order in which they were executed, and where transactions end."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Sequence[Any]]] = []

    def script(self, *variables: str, given: Mapping[Any, str] | None = None) -> str:
        """For pgbench: each run has ids, hashes and locks of its own; the same value stays the same within a run.

        Args:
            variables: further lines that set variables.
            given: SQL of values that are neither constant nor random, such as the ids of rows that exist.
        """
        names: dict[Any, int] = {}
        lines = ["\\set n random(1, 1000000000000)", *variables]
        known = given or {}
        for statement, parameters in self.steps:
            written = [known[each] if _is_id(each) and each in known else _written(each, names) for each in parameters]
            lines.append(_filled(_one_line(statement), written) + ";")
        return "\n".join(lines) + "\n"


@contextlib.contextmanager
def recorded(engine: AsyncEngine) -> Iterator[Recorded]:
    """Record what an engine executes."""
    record = Recorded()

    def before(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:  # noqa: ANN401, FBT001 - SQLAlchemy's
        record.steps += [(statement, each) for each in (parameters if many else [parameters])]

    def begin(_connection: object) -> None:
        record.steps.append(("BEGIN", ()))

    def commit(_connection: object) -> None:
        record.steps.append(("COMMIT", ()))

    def rollback(_connection: object) -> None:
        record.steps.append(("ROLLBACK", ()))

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": before,
        "begin": begin,
        "commit": commit,
        "rollback": rollback,
    }
    for name, listener in listeners.items():
        event.listen(engine.sync_engine, name, listener)
    yield record
    for name, listener in listeners.items():
        event.remove(engine.sync_engine, name, listener)


def _is_id(value: object) -> bool:
    return isinstance(value, UUID | str)


def _filled(statement: str, written: Sequence[str]) -> str:
    return _PLACE.sub(lambda place: written[int(place[1]) - 1], statement)


def _one_line(statement: str) -> str:
    return " ".join(statement.split())


def _written(value: Any, names: dict[Any, int]) -> str:  # noqa: ANN401, PLR0911 - one return for each kind
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) < _LARGEST_NUMBER:
            return str(value)
        case int():  # the number of an advisory lock
            return f"hashtextextended(:n::text, {_number(value, names)})"
        case UUID():
            return f"(md5(:n::text || '-{_number(value, names)}'))"
        case bytes():
            times = -(-len(value) // _MD5_BYTES)
            hashed = f"decode(repeat(md5(:n::text || '-{_number(value, names)}'), {times}), 'hex')"
            return f"(substr({hashed}, 1, {len(value)}))"
        case datetime() | date():
            return f"('{value.isoformat()}')"
        case float():
            return str(value)
        case list() | tuple():
            inner = ",".join(_written(each, names) for each in value)
            return f"(ARRAY[{inner}])"
        case _:
            escaped = str(value).replace("'", "''")
            return f"('{escaped}')"


def _number(value: Any, names: dict[Any, int]) -> int:  # noqa: ANN401 - any hashable value
    return names.setdefault(value, len(names))
