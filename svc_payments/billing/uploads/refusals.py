"""Why an upload does not go on."""

from collections.abc import Mapping
from typing import Any

from chassis.problems import Problem


class TooManyUploads(Problem):
    status, code = 429, "too_many_uploads"
    headers = {"Retry-After": "60"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class UploadOffsetMismatch(Problem):
    """The bytes do not go on where the upload ends, or another request has begun to send them."""

    status, code = 409, "upload_offset_mismatch"

    def __init__(self, upload_offset: int) -> None:
        super().__init__(upload_offset=upload_offset)
        self.headers = {"Upload-Offset": str(upload_offset), "Upload-Complete": "?0"}


class UploadLengthMismatch(Problem):
    """The file turns out longer or shorter than it was said to be, or is complete already."""

    status, code = 409, "upload_length_mismatch"


class UploadInPieces(Problem):
    """So many requests were cut, or so few bytes came in each, that the pieces are too many."""

    status, code = 409, "upload_in_pieces"


class UploadBeingTakenIn(Problem):
    """The file is complete and being taken in; how far this is can be read meanwhile."""

    status, code = 409, "upload_being_taken_in"
    headers = {"Retry-After": "5", "Upload-Complete": "?1"}  # noqa: RUF012 - as above


def kept(refusal: Problem) -> dict[str, Any]:
    """A refusal of a whole file as it is kept."""
    package = type(refusal).__module__.partition(".")[0]
    return {"package": package, "status": refusal.status, "code": refusal.code, "values": refusal.values}


def again(refusal: Mapping[str, Any]) -> Problem:
    """The kept refusal, for a repeated request."""
    members = {"status": refusal["status"], "code": refusal["code"], "__module__": refusal["package"]}
    problem: Problem = type("Refused", (Problem,), members)(**refusal["values"])
    return problem
