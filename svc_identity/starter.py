"""`python -m svc_identity.starter`: the divisions of Ili, the residents' app and the staff console, up to date."""

import asyncio
import sys
from pathlib import Path

from chassis.db import Database
from chassis.settings import load
from kit.starter_data import upsert_csv
from svc_identity.oauth.issuer import RESIDENT_SCOPES, RESIDENTS_APP, SIGNED_OUT, STAFF_SCOPES
from svc_identity.oauth.service import register_client, set_logout_addresses
from svc_identity.organisations.models import Division
from svc_identity.settings import Settings

DIVISIONS = Path(__file__).parents[1] / "contracts" / "reference_data" / "divisions.csv"
APP, STAFF_CONSOLE = "myili-app", "myili-staff"
CONSOLE = "myili-staff://callback"
"""Where the staff console opens."""
# Any port of the loopback addresses is accepted (RFC 8252, section 7.3): desktop and command-line clients listen there.
LOOPBACK_URIS = ["http://127.0.0.1/callback", "http://[::1]/callback"]

APP_SIGNED_OUT_URIS = [SIGNED_OUT, "http://127.0.0.1/signed-out", "http://[::1]/signed-out"]


async def load_starter_data(database: Database) -> int:
    """Load what the service starts with, again after any change of it; returns the number of divisions."""
    async with database.transaction() as tx:
        await register_client(tx, APP, scopes=RESIDENT_SCOPES, redirect_uris=[RESIDENTS_APP, *LOOPBACK_URIS])
        await register_client(tx, STAFF_CONSOLE, scopes=STAFF_SCOPES, redirect_uris=[CONSOLE, *LOOPBACK_URIS])
        await set_logout_addresses(tx, APP, redirect_uris=APP_SIGNED_OUT_URIS)
        return await upsert_csv(tx, Division, DIVISIONS)


async def main(settings: Settings) -> None:
    database = Database.of(settings)
    try:
        divisions = await load_starter_data(database)
    finally:
        await database.close()
    sys.stdout.write(f"identity: {divisions} divisions, the app {APP} and {STAFF_CONSOLE} are in place.\n")


if __name__ == "__main__":
    asyncio.run(main(load(Settings)))
