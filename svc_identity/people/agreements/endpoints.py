from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from chassis.auth import anyone
from chassis.problems import NotFound
from svc_identity.people.agreements import documents, schemas
from svc_identity.people.agreements.documents import DocumentName

router = APIRouter(prefix="/identity/v1", tags=["agreements"])

_PUBLIC = Depends(anyone(because="people read it before they register"))
AcceptLanguage = Annotated[str, Header(alias="Accept-Language", max_length=1_000, include_in_schema=False)]


@router.get("/agreements", dependencies=[_PUBLIC])
async def list_agreements() -> schemas.Agreements:
    """List the documents that people agree to, and their versions."""
    return schemas.Agreements(
        version=documents.version_in_force(), versions=list(documents.versions()), documents=list(DocumentName)
    )


@router.get("/agreements/{document}/{version}", dependencies=[_PUBLIC])
async def get_agreement(
    document: DocumentName, version: str, response: Response, accept_language: AcceptLanguage = ""
) -> schemas.Agreement:
    """Get a version of the privacy notice or the user agreement, in the reader's language."""
    found = documents.document(document, version, accept_language)
    if found is None:
        raise NotFound
    response.headers["Content-Language"] = found.language
    response.headers["Vary"] = "Accept-Language"
    return schemas.Agreement(
        document=found.name,
        version=found.version,
        in_force=found.version == documents.version_in_force(),
        language=found.language,
        title=found.title,
        sections=[schemas.AgreementSection.model_validate(part._asdict()) for part in found.sections],
    )
