"""svc_payments as a separate process on the database of a test: `uvicorn --factory ...killable:create_app`."""

import os

from fastapi import FastAPI
from sqlalchemy import URL, make_url

from chassis.settings import load
from svc_payments import app
from svc_payments.settings import Settings

DATABASE = "TEST_DATABASE"


class SettingsOnTestDatabase(Settings):
    @property
    def database(self) -> URL:
        return make_url(os.environ[DATABASE])


def create_app() -> FastAPI:
    return app.create_app(load(SettingsOnTestDatabase))
