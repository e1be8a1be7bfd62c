"""Commands: starter data, the first operator, and settings."""

import asyncio
import base64

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import URL, func, select

from chassis.db import Database
from chassis.settings import load
from kit.environment import environment
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator, main
from svc_identity.oauth.models import Client
from svc_identity.organisations.models import Division, Membership, Organisation, Role
from svc_identity.people.persons.models import Person
from svc_identity.settings import Settings
from svc_identity.starter import APP, STAFF_CONSOLE, load_starter_data
from tests.databases import cloned


async def test_starter_data_can_be_loaded_again(database: Database) -> None:
    assert await load_starter_data(database) == 12
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Division)) == 12
        scopes = {client: set((await tx.get_one(Client, client)).scopes) for client in (APP, STAFF_CONSOLE)}
    residents = {"bills", "pay", "accounts", "applications", "profile", "phone", "mini_apps"}
    signing_in = {"openid", "offline_access"}
    assert scopes == {APP: residents | signing_in, STAFF_CONSOLE: {"profile", "staff"} | signing_in}


async def test_a_new_platform_has_nobody_in_it(template: URL) -> None:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        async with database.read() as tx:
            for table in (Person, Membership, Organisation):
                assert await tx.scalar(select(func.count()).select_from(table)) == 0
            assert (await tx.scalars(select(Client.jwks))).all() == [None, None]  # nor has it a secret
        await database.close()


async def test_the_platform_gets_one_organisation_and_one_membership_each(
    database: Database, settings: Settings, phone: str
) -> None:
    normal = normalise_phone(phone)
    sentences = await asyncio.gather(*(grant_operator(settings, normal, "a test") for _ in range(4)))
    assert sorted("nothing changed" in sentence for sentence in sentences) == [False, True, True, True]
    assert all(phone not in sentence for sentence in sentences)
    async with database.read() as tx:
        platforms = await tx.scalar(select(func.count()).where(Organisation.uscc.is_(None)))
        roles = (await tx.scalars(select(Membership.role).where(Membership.ended_at.is_(None)))).all()
    assert platforms == 1
    assert Role.OPERATOR in roles


def well_formed() -> dict[str, str]:
    secret = base64.b64encode(bytes(range(32))).decode()
    return {
        "database_url": "postgresql://nobody@127.0.0.1:1",
        "kafka": "127.0.0.1:1",
        "public_url": "https://gateway.test",
        "jwks_url": "http://127.0.0.1:1",
        "sms_url": "http://127.0.0.1:1",
        "registries_url": "http://127.0.0.1:1",
        "token_signing_key": ECKey.generate_key("P-256").as_pem(private=True).decode(),
        "field_key": secret,
        "index_key": secret,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_signing_key", "not a key"),
        ("token_signing_key", ECKey.generate_key("P-384").as_pem(private=True).decode()),
        ("token_signing_key", ECKey.generate_key("P-256").as_pem(private=False).decode()),
        ("field_key", "c2hvcnQ="),
        ("field_key", f"{base64.b64encode(bytes(32)).decode()},"),
        ("index_key", "not base64!"),
        ("blind_index_keys", f"{base64.b64encode(bytes(32)).decode()},"),
        ("public_url", "http://gateway.test"),
    ],
)
def test_an_invalid_setting_is_refused_in_one_sentence_without_its_value(
    capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    with environment(**well_formed() | {name: value}), pytest.raises(SystemExit) as ended:
        load(Settings)
    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert message.startswith(f"Settings are not usable: MYILI_{name.upper()}: ")
    assert len(message.splitlines()) == 1
    assert value not in message


@pytest.mark.parametrize("phone", ["123", "+77011234567", ""])
def test_an_invalid_phone_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str], phone: str) -> None:
    with environment(**well_formed()):
        assert main(["grant-operator", "--phone", phone]) == 2
    message = capsys.readouterr().err
    assert message.startswith("--phone is not a ")
    assert len(message.splitlines()) == 1
