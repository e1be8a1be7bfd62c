"""Why an upload does not go on."""

from collections.abc import Mapping
from typing import Any

from chassis.problems import DEFAULT_LANGUAGE, Problem, catalogue


class TooManyUploads(Problem):
    status, code = 429, "too_many_uploads"
    headers = {"Retry-After": "60"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class UploadBeingTakenIn(Problem):
    """The file is complete and being ingested; its progress can be read meanwhile."""

    status, code = 409, "upload_being_taken_in"
    headers = {"Retry-After": "5", "Upload-Complete": "?1"}  # noqa: RUF012 - as above


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
