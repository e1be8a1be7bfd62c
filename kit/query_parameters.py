"""Refuses query parameters that an operation does not have: a misspelt filter must not answer with everything."""

from collections.abc import Iterator
from typing import Any

from fastapi import Request

from chassis.problems import Problem


class UnknownParameter(Problem):
    status, code = 422, "unknown_parameter"


async def only_known_parameters(request: Request) -> None:
    """Dependency of a public operation.

    Raises:
        UnknownParameter
    """
    dependant = getattr(request.scope.get("route"), "dependant", None)
    known = set(_names(dependant))
    if unknown := sorted(set(request.query_params) - known):
        raise UnknownParameter(unknown=[name[:40] for name in unknown[:10]], known=sorted(known))


def _names(dependant: Any) -> Iterator[str]:  # noqa: ANN401 - FastAPI's Dependant is not public
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
