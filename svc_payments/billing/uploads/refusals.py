"""Why an upload does not go on."""

from chassis.problems import Problem


class TooManyUploads(Problem):
    status, code = 429, "too_many_uploads"
    headers = {"Retry-After": "60"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class UploadBeingTakenIn(Problem):
    """The file is complete and being ingested; its progress can be read meanwhile."""

    status, code = 409, "upload_being_taken_in"
    headers = {"Retry-After": "5", "Upload-Complete": "?1"}  # noqa: RUF012 - as above
