"""`python -m tests.svc_miniapps.served PORT`: the service at a database of any name, as a process to be killed."""

import sys

import uvicorn

from chassis.settings import load
from svc_miniapps.app import create_app
from svc_miniapps.settings import Settings
from tests.service_settings import with_any_database

if __name__ == "__main__":
    uvicorn.run(create_app(load(with_any_database(Settings))), host="127.0.0.1", port=int(sys.argv[1]))
