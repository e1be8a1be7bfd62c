"""The service of county mini-apps: registry, packages, review, release, catalogue."""

from fastapi import FastAPI

from chassis.service import create_service_app
from chassis.settings import load
from kit.dpop import prove_possession
from kit.ended.admission import refusing_ended
from kit.metrics import metrics
from kit.staff.standing import admitting
from kit.strict_requests import strict
from svc_miniapps.apps.endpoints import router as apps
from svc_miniapps.apps.registrations.endpoints import router as registrations
from svc_miniapps.catalogue.copy import CatalogueCopy
from svc_miniapps.catalogue.endpoints import router as catalogue
from svc_miniapps.catalogue.updates.endpoints import router as updates
from svc_miniapps.catalogue.updates.fast_path import UpdateChecks
from svc_miniapps.publishing.clients.endpoints import router as clients
from svc_miniapps.publishing.differences.endpoints import router as differences
from svc_miniapps.publishing.gray.endpoints import router as gray
from svc_miniapps.publishing.handovers.endpoints import router as handovers
from svc_miniapps.publishing.my_data.endpoints import router as my_data
from svc_miniapps.publishing.releases.endpoints import router as releases
from svc_miniapps.publishing.reviews.endpoints import router as reviews
from svc_miniapps.publishing.signatures.endpoints import router as signatures
from svc_miniapps.publishing.take_downs.endpoints import router as take_downs
from svc_miniapps.publishing.testers.endpoints import router as testers
from svc_miniapps.publishing.uploads.endpoints import router as packages
from svc_miniapps.publishing.uploads.resumable_endpoints import router as package_uploads
from svc_miniapps.reference.categories.endpoints import router as categories
from svc_miniapps.settings import Settings
from svc_miniapps.teams.endpoints import router as teams


def create_app(settings: Settings | None = None) -> FastAPI:
    app = create_service_app(
        settings or load(Settings),
        [
            strict(
                *(metrics, categories, teams, apps, registrations, packages, package_uploads, testers, releases, gray),
                *(reviews, differences, take_downs, clients, handovers, catalogue, updates, signatures, my_data),
            )
        ],
        title="My Ili mini-apps",
        version="1.2.0",
        admission=refusing_ended(admitting()),
    )
    prove_possession(app)
    app.state.catalogue_copy = CatalogueCopy()
    app.add_middleware(UpdateChecks, copy=app.state.catalogue_copy)
    return app
