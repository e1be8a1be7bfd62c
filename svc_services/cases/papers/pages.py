"""What the page says on which anyone verifies a paper of a case."""

from fastapi.responses import HTMLResponse

from kit.papers.verification import Line, verification_page
from svc_services.cases.papers import schemas
from svc_services.cases.papers.texts import words_in


def page(
    language: str, *, typed: str = "", found: schemas.PaperVerification | None = None, status: int = 200
) -> HTMLResponse:
    text = words_in(language)
    lines = _lines(found, text) if found else []
    return verification_page(text, typed, lines, verdict=text["verified"], status=status)


def _lines(found: schemas.PaperVerification, text: dict[str, str]) -> list[Line]:
    return [
        (text["paper"], text[f"paper_{found.kind}"]),
        (text["case_number"], found.case_number),
        (text["application"], text[f"kind_{found.application_kind}"]),
        (text["issuer"], found.issuer),
        (text["issued_on"], f"{found.issued_on:%Y-%m-%d}"),
        (text["file_hash"], found.sha256),
    ]
