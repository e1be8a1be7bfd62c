"""A new key or cipher takes over what is stored, beside the service, and the old key can go."""

import base64
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from pydantic import SecretStr
from sqlalchemy import text

from chassis.db import Database
from svc_identity.keys import read_key
from svc_identity.settings import Settings
from svc_identity.trail import COMMAND
from svc_identity.vault import reencryption
from svc_identity.vault.encryption import CannotDecrypt, Sm4Gcm, current_header, key_id, use_keys_of
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import new_phone
from tests.tampering.trial import Proof

# RFC 8998, appendix A.1.
KEY, NONCE = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), bytes.fromhex("00001234567800000000ABCD")
CLEAR = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
ASSOCIATED = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
SEALED = bytes.fromhex(
    "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    "83DE3541E4C2B58177E065A9BF7B62EC"
)


def test_sm4_gcm_is_that_of_rfc_8998() -> None:
    cipher = Sm4Gcm(KEY)
    assert cipher.encrypt(NONCE, CLEAR, ASSOCIATED) == SEALED
    assert cipher.decrypt(NONCE, SEALED, ASSOCIATED) == CLEAR
    for data, associated in ((SEALED[:-1] + b"\0", ASSOCIATED), (b"\0" + SEALED[1:], ASSOCIATED), (SEALED, b"")):
        with pytest.raises(InvalidTag):
            cipher.decrypt(NONCE, data, associated)


@pytest.fixture
def keys_of(settings: Settings) -> Iterator[Settings]:
    """The keys of the other tests come back."""
    yield settings
    use_keys_of(settings)


def changed(settings: Settings, keys: str, cipher: str) -> Settings:
    return settings.model_copy(update={"field_key": SecretStr(keys), "field_cipher": cipher})


@pytest.mark.parametrize("cipher", ["aes-256-gcm", "sm4-gcm"])
async def test_what_is_stored_goes_over_to_the_new_key(
    app_client: AppClient,
    database: Database,
    keys_of: Settings,
    cipher: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(reencryption, "BATCH", 3)
    phone = new_phone()
    headers = bearer(await app_client.tokens(phone))
    old = keys_of.field_key.get_secret_value()
    new = base64.b64encode(secrets.token_bytes(32)).decode()
    use_keys_of(changed(keys_of, f"{new},{old}", cipher))
    assert current_header()[1:] == key_id(read_key(new))
    assert {each.header for each in await reencryption.stored(database)} != {current_header()}
    me = (await app_client.api.get("/identity/v1/me", headers=headers)).json()
    assert await reencryption.reencrypt(database) > 0
    assert {each.header for each in await reencryption.stored(database)} == {current_header()}
    assert await reencryption.reencrypt(database) == 0
    assert await Proof(COMMAND, (tmp_path / "anchors").as_uri()).findings(database) == []
    use_keys_of(changed(keys_of, new, cipher))  # the old key is gone
    assert (await app_client.api.get("/identity/v1/me", headers=headers)).json() == me
    assert me["phone"].endswith(phone[-4:])
    use_keys_of(changed(keys_of, f"{old},{new}", "aes-256-gcm"))
    assert await reencryption.reencrypt(database) > 0  # for the tests after this one


async def test_a_row_that_another_transaction_holds_is_left_for_the_next_turn(
    app_client: AppClient, database: Database, keys_of: Settings
) -> None:
    await app_client.tokens(new_phone())
    use_keys_of(changed(keys_of, keys_of.field_key.get_secret_value(), "sm4-gcm"))
    async with database.transaction() as tx:
        await tx.execute(text("SELECT id FROM persons ORDER BY id DESC LIMIT 1 FOR UPDATE"))
        await reencryption.reencrypt(database)
        persons = [each for each in await reencryption.stored(database) if each.place == "persons.phone"]
        assert {each.header[:1]: each.values for each in persons}[b"\x01"] == 1
    assert await reencryption.reencrypt(database) == 1
    use_keys_of(keys_of)
    assert await reencryption.reencrypt(database) > 0


async def test_without_its_key_a_value_is_refused(database: Database, app_client: AppClient, keys_of: Settings) -> None:
    await app_client.tokens(new_phone())
    use_keys_of(changed(keys_of, base64.b64encode(secrets.token_bytes(32)).decode(), "sm4-gcm"))
    with pytest.raises(CannotDecrypt):
        await reencryption.reencrypt(database)


def test_the_command_finds_the_columns_of_rooms_that_it_does_not_import() -> None:
    program = "from svc_identity.vault.reencryption import encrypted_columns; print(len(encrypted_columns()))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert int(found.stdout) == len(reencryption.encrypted_columns()) >= 15
