"""Keys of blind indexes for tests, and a second process that knows them in another order."""

import asyncio
import base64
import secrets
import sys
from collections.abc import Sequence

from pydantic import SecretStr
from sqlalchemy import make_url

from svc_identity.settings import Settings

_REGISTER = """
import asyncio, sys
from sqlalchemy import make_url
from chassis.db import Database
from chassis.settings import load
from svc_identity.people.persons.service import person_of_phone
from svc_identity.settings import Settings
from svc_identity.vault.encryption import use_keys_of

async def main():
    settings = load(Settings)
    use_keys_of(settings)
    database = Database(make_url(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for phone in sys.argv[2:]:
        async with database.transaction() as tx:
            print((await person_of_phone(tx, phone)).id)
    await database.close()

asyncio.run(main())
"""


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def listing(settings: Settings, *keys: str) -> Settings:
    """The settings with these index keys, the first of which writes."""
    return settings.model_copy(update={"blind_index_keys": SecretStr(",".join(keys))})


def of_process(settings: Settings) -> dict[str, str]:
    """The environment of a process with these settings."""
    names = ("kafka", "public_url", "jwks_url", "sms_url", "registries_url")
    hidden = ("token_signing_key", "field_key", "index_key", "blind_index_keys")
    values = {name: str(getattr(settings, name)) for name in names}
    values |= {name: getattr(settings, name).get_secret_value() for name in hidden}
    values["database_url"] = (
        make_url(settings.database_url.get_secret_value()).set(database=None).render_as_string(hide_password=False)
    )
    return {f"MYILI_{name.upper()}": value for name, value in values.items()}


async def register_in_processes(of_each: Sequence[Settings], phones: Sequence[str]) -> list[list[str]]:
    """Processes that sign the same phones in at once; returns which persons each of them got."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _REGISTER, settings.database_url.get_secret_value(), *phones),
            env=of_process(settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for settings in of_each
    ]
    for each in processes:
        assert each.stdout
        assert await each.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(each.communicate(b"\n") for each in processes))
    return [out.decode().split() for out, _ in answers]
