"""The header fields of resumable uploads (draft-ietf-httpbis-resumable-upload)."""

import re
from collections.abc import Mapping

from kit.uploads.models import Upload
from kit.uploads.refusals import BadHeader

PARTIAL = "application/partial-upload"
_BOOLEANS = {"?0": False, "?1": True}
_INTEGER = re.compile(r"[0-9]{1,15}")


def completes(headers: Mapping[str, str]) -> bool:
    """Whether the bytes of this request are the last; every request that sends bytes must say so.

    Raises:
        BadHeader
    """
    said = headers.get("upload-complete", "").strip()
    if said not in _BOOLEANS:
        raise BadHeader(header="Upload-Complete")
    return _BOOLEANS[said]


def integer(headers: Mapping[str, str], name: str) -> int | None:
    """A number of bytes, if the header is present.

    Raises:
        BadHeader
    """
    said = headers.get(name.lower())
    if said is None:
        return None
    if not _INTEGER.fullmatch(said.strip()):
        raise BadHeader(header=name)
    return int(said)


def state_of(upload: Upload, most_bytes: int, seconds_left: int) -> dict[str, str]:
    """The headers that a client needs to resume."""
    length = {} if upload.length is None else {"Upload-Length": str(upload.length)}
    return {
        "Upload-Offset": str(upload.received),
        "Upload-Complete": "?0" if upload.is_receiving else "?1",
        **length,
        "Upload-Limit": f"max-size={most_bytes}, max-append-size={most_bytes}, max-age={max(0, seconds_left)}",
        "Cache-Control": "no-store",
    }
