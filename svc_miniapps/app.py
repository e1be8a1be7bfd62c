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
from svc_miniapps.catalogue.own.endpoints import router as own_catalogue
from svc_miniapps.catalogue.recommended.endpoints import router as recommended
from svc_miniapps.catalogue.updates.endpoints import router as updates
from svc_miniapps.catalogue.updates.fast_path import UpdateChecks
from svc_miniapps.insights.errors.endpoints import router as errors
from svc_miniapps.insights.figures.endpoints import router as figures
from svc_miniapps.insights.openings.endpoints import router as openings
from svc_miniapps.insights.ratings.endpoints import router as ratings
from svc_miniapps.insights.recent.endpoints import router as recent
from svc_miniapps.insights.recommended.endpoints import router as recommended_lists
from svc_miniapps.my_data import router as my_data
from svc_miniapps.publishing.clients.endpoints import router as clients
from svc_miniapps.publishing.complaints.endpoints import router as complaints
from svc_miniapps.publishing.differences.endpoints import router as differences
from svc_miniapps.publishing.domains.endpoints import router as domains
from svc_miniapps.publishing.gray.endpoints import router as gray
from svc_miniapps.publishing.handovers.endpoints import router as handovers
from svc_miniapps.publishing.quotas.endpoints import router as quotas
from svc_miniapps.publishing.releases.endpoints import router as releases
from svc_miniapps.publishing.reviews.endpoints import router as reviews
from svc_miniapps.publishing.shutdowns.endpoints import router as shutdowns
from svc_miniapps.publishing.signatures.endpoints import router as signatures
from svc_miniapps.publishing.take_downs.endpoints import router as take_downs
from svc_miniapps.publishing.testers.endpoints import router as testers
from svc_miniapps.publishing.uploads.endpoints import router as packages
from svc_miniapps.publishing.uploads.resumable_endpoints import router as package_uploads
from svc_miniapps.reference.categories.endpoints import router as categories
from svc_miniapps.runtime.calls.endpoints import router as calls
from svc_miniapps.runtime.links.endpoints import router as links
from svc_miniapps.runtime.messages.endpoints import router as messages
from svc_miniapps.runtime.subscriptions.endpoints import router as subscriptions
from svc_miniapps.runtime.templates.endpoints import router as templates
from svc_miniapps.settings import Settings
from svc_miniapps.teams.endpoints import router as teams
from svc_miniapps.teams.webhooks.endpoints import router as webhooks


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load(Settings)
    app = create_service_app(
        settings,
        [
            strict(
                *(metrics, categories, teams, apps, registrations, packages, package_uploads, testers, releases, gray),
                *(reviews, differences, take_downs, shutdowns, quotas, clients, domains, handovers, complaints),
                *(catalogue, recommended, updates, signatures, own_catalogue, recent, openings, errors, figures),
                *(ratings, recommended_lists, templates, subscriptions, messages, calls, links, webhooks, my_data),
            )
        ],
        title="My Ili mini-apps",
        version="1.2.0",
        admission=refusing_ended(admitting()),
    )
    prove_possession(app)
    app.state.loopback_domains = settings.with_loopback
    app.state.catalogue_copy = CatalogueCopy()
    app.add_middleware(UpdateChecks, copy=app.state.catalogue_copy)
    return app
