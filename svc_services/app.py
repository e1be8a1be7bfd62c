"""The service of public utilities: catalogue, providers, tariffs, account bindings."""

from fastapi import FastAPI

from chassis.service import create_service_app
from chassis.settings import load
from chassis.signatures import load_private_key, public_jwks
from svc_services.account_bindings.endpoints import router as account_bindings
from svc_services.account_bindings.provider import HttpAccountVerifier
from svc_services.catalogue.endpoints import router as catalogue
from svc_services.outside import Endpoints
from svc_services.providers.endpoints import router as providers
from svc_services.providers.provider import HttpLegalEntityRegistry
from svc_services.settings import Settings
from svc_services.signing_keys.endpoints import router as signing_keys
from svc_services.tariffs.endpoints import router as tariffs


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load(Settings)
    app = create_service_app(
        settings,
        [catalogue, providers, tariffs, account_bindings, signing_keys],
        title="My Ili public utilities",
        version="1.2.0",
    )
    key = load_private_key(settings.provider_signing_key.get_secret_value())
    app.state.signing_keys = public_jwks([key.public_key()])
    app.state.endpoints = Endpoints(anywhere=settings.provider_endpoints == "any")
    app.state.registry = HttpLegalEntityRegistry(settings.registries_url)
    app.state.account_verifier = HttpAccountVerifier(key, app.state.endpoints)
    return app
