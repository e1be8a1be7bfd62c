"""svc_payments for a process of its own on a test's own database: `uvicorn --factory ...killable:create_app`."""

import os

from fastapi import FastAPI
from sqlalchemy import URL, make_url

from chassis.settings import load
from svc_payments import app
from svc_payments.settings import Settings

DATABASE = "TEST_DATABASE"


class Here(Settings):
    @property
    def database(self) -> URL:
        return make_url(os.environ[DATABASE])


def create_app() -> FastAPI:
    return app.create_app(load(Here))
