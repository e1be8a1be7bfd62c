"""The worked example of a signed call in the guide for utility companies: by hand, and by the reference provider."""

import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from contracts.reference_provider.platform_keys import PlatformKeys
from contracts.reference_provider.platform_signature import REASONS, Call, NotFromPlatform, verify
from kit.signatures.keys import thumbprint
from tests.guides.markdown import LANGUAGES, blocks, text_of

each_language = pytest.mark.parametrize("language", LANGUAGES)
OWN_ID, PUBLIC_URL = "0198b5a0-0000-7000-8000-000000000001", "https://utility.example/my-ili"


@dataclass(frozen=True)
class Example:
    key: str
    headers: dict[str, str]
    body: bytes
    base: str
    commands: str

    @classmethod
    def of(cls, language: str) -> "Example":
        texts = [block.text for block in blocks(text_of("providers", language)) if block.language == "text"]
        key, request, base, commands = (
            next(text for text in texts if text.startswith(start))
            for start in ("-----BEGIN PUBLIC KEY", "POST /my-ili", '"@method"', "openssl base64")
        )
        head, _, body = request.partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        return cls(key, headers, body.rstrip("\n").encode(), base.rstrip("\n"), commands)

    def between_colons(self, name: str) -> str:
        return self.headers[name].split(":", 1)[1].removesuffix(":")


class KnownKey(PlatformKeys):
    """The key of the example, which no platform publishes."""

    def __init__(self, pem: str) -> None:
        super().__init__([])
        key = load_pem_public_key(pem.encode())
        assert isinstance(key, RSAPublicKey)
        self._keys = {"": {thumbprint(key): key}}
        self._fetched_at, self._complete = float("inf"), True


@each_language
def test_the_commands_verify_its_signature_and_its_digest(language: str, tmp_path: Path) -> None:
    example = Example.of(language)
    for name, text in (
        ("key.pem", example.key),
        ("base.txt", example.base),
        ("signature.txt", example.between_colons("Signature")),
        ("body.json", example.body.decode()),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    done = subprocess.run(  # noqa: S603 - the guide's own commands
        ["/bin/bash", "-e", "-c", example.commands], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["Verified OK", example.between_colons("Content-Digest")]


@each_language
def test_its_base_is_that_of_its_request(language: str) -> None:
    example = Example.of(language)
    signed = example.headers["Signature-Input"].removeprefix("myili=")
    assert example.base.splitlines() == [
        '"@method": POST',
        f'"@target-uri": {PUBLIC_URL}/account-verifications',
        f'"content-digest": {example.headers["Content-Digest"]}',
        f'"content-type": {example.headers["Content-Type"]}',
        f'"myili-recipient": {example.headers["MyIli-Recipient"]}',
        f'"@signature-params": {signed}',
    ]


@each_language
async def test_the_reference_provider_accepts_it_at_its_time_and_place(language: str) -> None:
    example = Example.of(language)
    keys = KnownKey(example.key)
    call = Call("POST", f"{PUBLIC_URL}/account-verifications", example.headers, example.body)
    with time_machine.travel(1_798_761_600, tick=False):
        assert len((await verify(keys, OWN_ID, call)).nonce) == 32
        for reason, provider_id, other in (
            ("other_recipient", OWN_ID.replace("1", "2"), call),
            ("wrong_signature", OWN_ID, replace(call, url="http://10.0.0.7:9000/account-verifications")),
            ("wrong_digest", OWN_ID, replace(call, body=example.body + b"\n")),
        ):
            with pytest.raises(NotFromPlatform, match=reason):
                await verify(keys, provider_id, other)
    with pytest.raises(NotFromPlatform, match="clock_skew"):
        await verify(keys, OWN_ID, call)


@each_language
def test_every_refusal_is_explained(language: str) -> None:
    text = text_of("providers", language)
    table = text[text.index("| `unsigned`") :].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(REASONS)
