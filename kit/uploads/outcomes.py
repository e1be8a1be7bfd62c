"""Refusals of whole files, stored with the upload so that a later request gets the same answer."""

from collections.abc import Mapping
from typing import Any

from chassis.problems import DEFAULT_LANGUAGE, Problem, catalogue


def kept(refusal: Problem) -> dict[str, Any]:
    """A refusal of a whole file as it is kept."""
    package = type(refusal).__module__.partition(".")[0]
    return {"package": package, "status": refusal.status, "code": refusal.code, "values": refusal.values}


def again(refusal: Mapping[str, Any]) -> Problem:
    """The kept refusal, for a repeated request."""
    # Refusals that were kept before the kit had their words name the service.
    package = "kit" if refusal["code"] in catalogue("kit")[DEFAULT_LANGUAGE] else refusal["package"]
    members = {"status": refusal["status"], "code": refusal["code"], "__module__": package}
    problem: Problem = type("Refused", (Problem,), members)(**refusal["values"])
    return problem
