"""The privacy notice and the user agreement as pages, to read before one registers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from chassis.auth import anyone
from chassis.problems import NotFound
from svc_identity.people.agreements.documents import DocumentName, document, version_in_force, versions
from svc_identity.sign_in import pages
from svc_identity.sign_in.page_route import REFUSED, PageRoute
from svc_identity.texts import choose_language, languages

PATH = "/identity/v1/oauth/agreements"
router = APIRouter(
    prefix="/identity/v1/oauth",
    tags=["agreements"],
    default_response_class=HTMLResponse,
    responses=REFUSED,
    route_class=PageRoute,
)


@router.get(
    "/agreements/{document_name}/{version}",
    dependencies=[Depends(anyone(because="people read it before they register"))],
)
async def show_agreement(
    request: Request,
    document_name: DocumentName,
    version: str,
    ui_locales: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show a version of the privacy notice or the user agreement."""
    language = choose_language(ui_locales, request.headers.get("accept-language", ""))
    found = document(document_name, version, "", language)
    if found is None:
        raise NotFound
    address = f"{PATH}/{document_name}/{version}"
    return pages.page(
        "agreement.html",
        language,
        document=found,
        in_force=version_in_force(),
        versions=versions(),
        path=PATH,
        languages=[(each, f"{address}?ui_locales={each['tag']}") for each in languages().values()],
    )


def agreement_links(language: str) -> list[tuple[str, str]]:
    """The documents in force: the name of the text of each link, and where it leads."""
    tag = languages()[choose_language(language, "")]["tag"]
    return [(name.value, f"{PATH}/{name}/{version_in_force()}?ui_locales={tag}") for name in DocumentName]
