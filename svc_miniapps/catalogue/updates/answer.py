from svc_miniapps.catalogue.answers import WORTH_BYTES, coding_for, compressed

Headers = dict[str, str]


def headers_and_body(body: bytes, accept_encoding: str) -> tuple[Headers, bytes]:
    """The answer of one phone, for nobody else, compressed where that saves a packet."""
    headers = {"Cache-Control": "no-store"}
    coding = coding_for(accept_encoding) if len(body) >= WORTH_BYTES else ""
    if coding:
        headers["Content-Encoding"] = coding
    return headers, compressed(body, coding)
