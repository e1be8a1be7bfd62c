from pydantic import BaseModel

from svc_miniapps.catalogue.schemas import Listing


class RecommendedApps(BaseModel):
    """At most twenty."""

    items: list[Listing]
