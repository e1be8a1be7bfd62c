"""uvicorn's connection of a service: `uvicorn --http kit.connection:ServiceConnection`."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from chassis.problems import BadRequest, answer

_PRIVATE = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"), (b"connection", b"close")]


class ServiceConnection(HttpToolsProtocol):
    """Refuses what cannot be parsed in the form of every refusal; uvicorn alone answers it in plain text."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text, replaced by a problem
        refusal = answer(BadRequest())
        lines = [b"%b: %b\r\n" % header for header in (*refusal.raw_headers, *_PRIVATE)]
        self.transport.write(b"".join([STATUS_LINE[400], *lines, b"\r\n", bytes(refusal.body)]))
        self.transport.close()
