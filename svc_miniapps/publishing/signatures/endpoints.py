from fastapi import APIRouter, Depends, Response

from chassis.auth import anyone
from svc_miniapps.packages.statements import Signer
from svc_miniapps.publishing.signatures import schemas

router = APIRouter(prefix="/miniapps/v1", tags=["catalogue"])


@router.get("/keys", dependencies=[Depends(anyone(because="the keys are public"))])
async def list_package_keys(signer: Signer, response: Response) -> schemas.PackageKeys:
    """List the public keys of the platform's signatures over packages, as a JSON Web Key Set."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return schemas.PackageKeys.model_validate(signer.public_keys())
