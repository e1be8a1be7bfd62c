"""Personal data at rest: encrypted, and every read is recorded."""

import base64
import secrets
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Uuid, column, insert, select, table, text, update
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.testing import once
from svc_identity.people.personal_data.models import PersonalDataRead
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.vault.blind_indexes import blind_index
from svc_identity.vault.encryption import CannotDecrypt, use_keys_of
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.identities import NAME, id_number, proof

RAW = table("persons", column("id", Uuid), column("phone", LargeBinary), column("name", LargeBinary))


async def stored(tx: AsyncSession) -> bytes:
    """Everything in every table of the service, with binary columns as their bytes."""
    names = (await tx.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).all()
    assert len(names) > 15
    everything = bytearray()
    for name in names:
        for row in await tx.execute(text(f'SELECT * FROM "{name}"')):  # noqa: S608 - names from the catalogue
            everything += b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
    return bytes(everything)


async def test_no_table_holds_a_phone_a_name_or_a_number(app_client: AppClient, database: Database, phone: str) -> None:
    number, name = id_number(), "努尔兰测试居民"
    signed_in = await app_client.tokens(phone)
    headers = bearer(signed_in)
    await app_client.api.post("/identity/v1/me/proofing", json=proof(name, number), headers=headers | once())
    headers = bearer((await app_client.refresh(signed_in["refresh_token"])).json())
    attested = await app_client.api.post(
        "/identity/v1/me/attestations", json={"purpose": "account_binding"}, headers=headers | once()
    )
    async with database.read() as tx:
        everything = await stored(tx)
    secrets_of_theirs = [
        phone,
        name,
        number,
        number.lower(),
        attested.json()["attestation"],
        signed_in["refresh_token"],
    ]
    for secret in secrets_of_theirs:
        assert secret.encode() not in everything
        assert base64.b64encode(secret.encode())[:-4] not in everything
        assert secret.encode().hex().encode() not in everything


async def person(tx: AsyncSession, phone: str) -> Any:  # noqa: ANN401 - a person's id
    identifier = new_id()
    await tx.execute(insert(Person).values(id=identifier, phone=phone, phone_index=phone_index(phone)))
    return identifier


async def test_equal_values_are_stored_differently(database: Database, phone: str) -> None:
    async with database.sessions() as tx:
        identifier = await person(tx, phone)
        first = await tx.scalar(select(RAW.c.phone).where(RAW.c.id == identifier))
        await tx.execute(update(Person).where(Person.id == identifier).values(phone=phone))
        second = await tx.scalar(select(RAW.c.phone).where(RAW.c.id == identifier))
        assert first != second
        assert await tx.scalar(select(Person.phone).where(Person.phone_index == phone_index(phone))) == phone


async def test_a_value_moved_to_another_column_does_not_decrypt(database: Database, phone: str) -> None:
    async with database.sessions() as tx:
        identifier = await person(tx, phone)
        sealed = await tx.scalar(select(RAW.c.phone).where(RAW.c.id == identifier))
        moved = {"identifier": identifier, "sealed": sealed}
        await tx.execute(text("UPDATE persons SET name = :sealed, id_number = :sealed, id_number_index = :sealed, "
                              "proofed_at = now(), assurance_level = 2 WHERE id = :identifier"), moved)  # fmt: skip
        with pytest.raises(CannotDecrypt):
            await tx.scalar(select(Person.name).where(Person.id == identifier))


@pytest.mark.parametrize("place", [0, 3, 8, 30, -1])
async def test_changed_bytes_do_not_decrypt(database: Database, phone: str, place: int) -> None:
    async with database.sessions() as tx:
        identifier = await person(tx, phone)
        sealed = bytearray(await tx.scalar(select(RAW.c.phone).where(RAW.c.id == identifier)) or b"")
        sealed[place] ^= 1
        await tx.execute(update(RAW).where(RAW.c.id == identifier).values(phone=bytes(sealed)))
        with pytest.raises(CannotDecrypt):
            await tx.scalar(select(Person.phone).where(Person.id == identifier))


async def test_a_new_key_encrypts_and_the_old_one_still_decrypts(
    database: Database, settings: Settings, phone: str
) -> None:
    new = base64.b64encode(secrets.token_bytes(32)).decode()
    old = settings.field_key.get_secret_value()
    try:
        async with database.sessions() as tx:
            identifier = await person(tx, phone)
            use_keys_of(type(settings)(**settings.model_dump() | {"field_key": f"{new},{old}"}))
            assert await tx.scalar(select(Person.phone).where(Person.id == identifier)) == phone
            await tx.execute(update(Person).where(Person.id == identifier).values(phone=phone))
            use_keys_of(type(settings)(**settings.model_dump() | {"field_key": new}))
            assert await tx.scalar(select(Person.phone).where(Person.id == identifier)) == phone
            use_keys_of(settings)
            with pytest.raises(CannotDecrypt):
                await tx.scalar(select(Person.phone).where(Person.id == identifier))
    finally:
        use_keys_of(settings)


async def test_encrypted_columns_cannot_be_compared(settings: Settings) -> None:
    with pytest.raises(TypeError, match="compare its index"):
        select(Person.id).where(Person.phone == "+8613800000001")


async def test_blind_indexes_of_two_columns_differ(settings: Settings) -> None:
    assert blind_index("persons.phone", "1") != blind_index("persons.id_number", "1")
    assert blind_index("persons.phone", "1") == blind_index("persons.phone", "1")


async def test_personal_columns_are_not_loaded_by_default(database: Database, phone: str) -> None:
    async with database.sessions() as tx:
        identifier = await person(tx, phone)
        loaded = await tx.get_one(Person, identifier)
        for name in ("phone", "name", "id_number"):
            with pytest.raises(InvalidRequestError, match="raise"):
                getattr(loaded, name)


async def reads_of(database: Database, person_id: str) -> list[tuple[str, list[str], str]]:
    async with database.read() as tx:
        query = select(PersonalDataRead).where(PersonalDataRead.person_id == person_id).order_by(PersonalDataRead.id)
        return [(read.reader, read.fields, read.purpose) for read in await tx.scalars(query)]


async def test_every_read_is_recorded(app_client: AppClient, database: Database, phone: str) -> None:
    signed_in = await app_client.tokens(phone)
    me = (await app_client.api.get("/identity/v1/me", headers=bearer(signed_in))).json()["person_id"]
    await app_client.api.get("/identity/v1/oauth/userinfo", headers=bearer(signed_in))
    await app_client.api.post("/identity/v1/me/proofing", json=proof(), headers=bearer(signed_in) | once())
    fresh = bearer((await app_client.refresh(signed_in["refresh_token"])).json())
    attestation = {"purpose": "account_binding"}
    await app_client.api.post("/identity/v1/me/attestations", json=attestation, headers=fresh | once())
    assert await reads_of(database, me) == [
        (me, ["phone", "name"], "own_profile"),
        (me, ["name", "phone"], "user_info"),
        (me, ["phone", "name"], "own_profile"),
        (me, ["name"], "attestation"),
    ]


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM personal_data_reads", "UPDATE personal_data_reads SET reader = ''", "TRUNCATE personal_data_reads"],
)
async def test_the_record_of_reads_is_append_only(database: Database, owner: Database, change: str) -> None:
    async with database.sessions() as tx:
        with pytest.raises(DBAPIError, match="permission denied"):
            await tx.execute(text(change))
    async with owner.sessions() as tx:
        with pytest.raises(DBAPIError, match="only ever added to"):
            await tx.execute(text(change))


def test_personal_values_are_hidden_in_a_repr() -> None:
    from svc_identity.people.personal_data.service import PersonalData

    assert NAME not in repr(PersonalData(name=NAME))
