"""Why a request that sends bytes is refused."""

from chassis.problems import Problem


class BadHeader(Problem):
    """A header that this request needs is missing or cannot be read."""

    status, code = 400, "bad_header"


class BodyTruncated(Problem):
    """The connection or the body ended before Content-Length was reached."""

    status, code = 400, "body_truncated"


class DigestMismatch(Problem):
    """The bytes do not match the announced digest; they were changed in transit or before."""

    status, code = 400, "digest_mismatch"


class UploadOffsetMismatch(Problem):
    """The bytes do not start at the upload's offset, or another request is sending them."""

    status, code = 409, "upload_offset_mismatch"

    def __init__(self, upload_offset: int) -> None:
        super().__init__(upload_offset=upload_offset)
        self.headers = {"Upload-Offset": str(upload_offset), "Upload-Complete": "?0"}


class UploadLengthMismatch(Problem):
    """The file is longer or shorter than announced, or is complete already."""

    status, code = 409, "upload_length_mismatch"


class UploadInPieces(Problem):
    """Too many requests were cut or sent too few bytes, so there are too many pieces."""

    status, code = 409, "upload_in_pieces"
