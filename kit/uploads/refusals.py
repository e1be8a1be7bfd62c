"""Why a request that sends bytes is refused."""

from chassis.problems import Problem


class BadHeader(Problem):
    """A header that this request needs is missing or cannot be read."""

    status, code = 400, "bad_header"


class BodyTruncated(Problem):
    """The connection ended, or the body did, before all that Content-Length announced was here."""

    status, code = 400, "body_truncated"


class DigestMismatch(Problem):
    """The bytes do not come to what the client said; they were changed on their way, or before it."""

    status, code = 400, "digest_mismatch"


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
