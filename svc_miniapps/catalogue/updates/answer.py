from svc_miniapps.catalogue.answers import WORTH_BYTES, coding_for, compressed

Headers = dict[str, str]


def headers_and_body(body: bytes, accept_encoding: str) -> tuple[Headers, bytes]:
    """An answer to one phone: no cache keeps it, and it is compressed if it is larger than a packet."""
    headers = {"Cache-Control": "no-store"}
    coding = coding_for(accept_encoding) if len(body) >= WORTH_BYTES else ""
    if coding:
        headers["Content-Encoding"] = coding
    return headers, compressed(body, coding)
