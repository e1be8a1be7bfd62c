from fastapi import APIRouter, Depends, Request, Response

from chassis.auth import anyone
from kit.etags import NOT_MODIFIED, cacheable
from svc_services.providers.signing_keys import schemas

router = APIRouter(prefix="/services/v1", tags=["signing keys"])
_FIVE_MINUTES = 300


@router.get(
    "/signing-keys",
    response_model=schemas.SigningKeys,
    responses=NOT_MODIFIED,
    dependencies=[
        Depends(anyone(because="providers check with these keys that a call is the platform's")),
    ],
)
async def list_signing_keys(request: Request) -> Response:
    """Get the keys that sign account verifications sent to providers (RFC 7517)."""
    published = schemas.SigningKeys.model_validate(request.app.state.signing_keys)
    return cacheable(request, published, seconds=_FIVE_MINUTES)
