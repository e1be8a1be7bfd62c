"""A proof holds for one request, one token and one key, for a minute, with a recent nonce."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from kit.dpop.nonces import LIFE_SECONDS, Nonces
from kit.dpop.proofs import NonceWantedError, Proof, ProofError, check
from tests.kit.dpop.prover import Prover
from tests.weak_keys import WEAK_KEYS

ADDRESS = "https://gateway.test/bills/v1/things"
ONE, TWO = "one token", "another one"
NONCES = Nonces(b"k" * 32)


def new_prover() -> Prover:
    return Prover(nonce=NONCES.new())


def checked(proof: str, method: str = "GET", address: str = ADDRESS, token: str | None = None) -> Proof:
    return check(proof, method, address, nonces=NONCES, token=token)


def refused(proof: str, **request: str) -> bool:
    with pytest.raises(ProofError):
        checked(proof, **request)
    return True


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (RSAKey.generate_key(2048), "PS256"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
    ],
)
def test_a_proof_names_its_key(key: ECKey | RSAKey | OKPKey, algorithm: str) -> None:
    prover = Prover(key, algorithm, NONCES.new())
    assert checked(prover.proof("GET", ADDRESS)).key == key.thumbprint()


@pytest.mark.parametrize(
    "stated",
    [
        ADDRESS,
        "HTTPS://GATEWAY.TEST/bills/v1/things",
        "https://gateway.test:443/bills/v1/things",
        f"{ADDRESS}?limit=1#top",
        "https://gateway.test/bills/v1/t%68ings",
    ],
)
def test_addresses_are_compared_as_they_are_meant(stated: str) -> None:
    assert checked(new_prover().proof("GET", stated)).id


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htm": None},
        {"htm": 7},
        {"htu": None},
        {"htu": 7},
        {"htu": "https://gateway.test/bills/v1/things/"},
        {"htu": "https://gateway.test/bills/v1/other"},
        {"htu": "https://gateway.test/bills/v1/Things"},
        {"htu": "https://gateway.test/bills%2Fv1/things"},
        {"htu": "http://gateway.test/bills/v1/things"},
        {"htu": "https://gateway.test:8443/bills/v1/things"},
        {"htu": "https://gateway.test:99999/bills/v1/things"},
        {"htu": "https://other.test/bills/v1/things"},
        {"htu": "https://gateway.test@other.test/bills/v1/things"},
        {"htu": "https://user@gateway.test/bills/v1/things"},
        {"htu": "https://[::1/bills/v1/things"},
        {"htu": "/bills/v1/things"},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": float("nan")},
        {"iat": float("inf")},
        {"iat": int(time.time()) - 10_000},
        {"iat": int(time.time()) + 10_000},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 257},
    ],
)
def test_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    assert refused(new_prover().proof("GET", ADDRESS, **changes))


@pytest.mark.parametrize(("skew", "holds"), [(-58, True), (58, True), (-62, False), (62, False)])
def test_clocks_may_differ_by_a_minute(skew: int, holds: bool) -> None:  # noqa: FBT001 - of a table
    proof = new_prover().proof("GET", ADDRESS, iat=int(time.time()) + skew)
    assert checked(proof).id if holds else refused(proof)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"jwk": None},
        {"jwk": "x"},
        {"jwk": {}},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"jwk": {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}},
        {"crit": ["exp"]},
        {"crit": "exp"},
    ],
)
def test_a_wrong_header_is_refused(header: dict[str, Any]) -> None:
    prover = new_prover()
    whole = {"typ": "dpop+jwt", "alg": "ES256", "jwk": prover.key.as_dict(private=False)} | header
    signed = prover.proof("GET", ADDRESS).split(".")
    signed[0] = base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")
    assert refused(".".join(signed))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the weak key is what is tested
def test_keys_that_are_no_public_keys_of_a_usual_size_are_refused() -> None:
    prover = new_prover()
    assert refused(prover.proof("GET", ADDRESS, header={"jwk": prover.key.as_dict(private=True)}))
    for key in (RSAKey.generate_key(1024), RSAKey.generate_key(4608)):
        assert refused(Prover(key, "PS256", NONCES.new()).proof("GET", ADDRESS))
    slow = RSAKey.generate_key(2048).as_dict(private=False) | {"e": "A" * 300 + "AQAB"}
    assert refused(prover.proof("GET", ADDRESS, header={"jwk": slow, "alg": "ES256"}))


def test_a_key_whose_signature_anybody_knows_is_refused() -> None:
    claims = {"jti": "1", "htm": "GET", "htu": ADDRESS, "iat": int(time.time()), "nonce": NONCES.new()}
    body = unsigned({"typ": "dpop+jwt", "alg": "Ed25519", "jwk": WEAK_KEYS["ed25519_one"]}, claims)
    constant = base64.urlsafe_b64encode(b"\1" + bytes(63)).decode().rstrip("=")
    assert refused(f"{body}.{constant}")


def unsigned(*parts: dict[str, Any]) -> str:
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES384"])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    keys: dict[str, ECKey | RSAKey | OctKey] = {
        "HS256": OctKey.generate_key(256),
        "RS256": RSAKey.generate_key(2048),
        "ES384": ECKey.generate_key("P-384"),
    }
    claims = {"jti": "1", "htm": "GET", "htu": ADDRESS, "iat": int(time.time()), "nonce": NONCES.new()}
    shown = keys.get(algorithm, ECKey.generate_key("P-256")).as_dict(private=False)
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": shown}
    if algorithm == "none":
        assert refused(f"{unsigned(header, claims)}.")
    else:
        assert refused(jwt.encode(header, claims, keys[algorithm], algorithms=[algorithm]))


def test_a_public_key_is_no_shared_secret() -> None:
    public = RSAKey.generate_key(2048)
    claims = {"jti": "1", "htm": "GET", "htu": ADDRESS, "iat": int(time.time()), "nonce": NONCES.new()}
    body = unsigned({"typ": "dpop+jwt", "alg": "HS256", "jwk": public.as_dict(private=False)}, claims)
    mac = hmac.digest(public.as_pem(private=False), body.encode(), "sha256")
    assert refused(f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")


@pytest.mark.parametrize("proof", ["", "x", "a.b.c", "..", "名.名.名", "e30.e30.e30", "bnVsbA.bnVsbA.", "a" * 5_000])
def test_what_is_no_proof_is_refused(proof: str) -> None:
    assert refused(proof)


def test_two_proofs_in_one_header_are_none() -> None:
    prover = new_prover()
    assert refused(f"{prover.proof('GET', ADDRESS)}, {prover.proof('GET', ADDRESS)}")


def test_another_key_than_the_signers_is_refused() -> None:
    prover, other = new_prover(), Prover()
    assert refused(prover.proof("GET", ADDRESS, header={"jwk": other.key.as_dict(private=False)}))


def test_a_proof_is_for_one_token() -> None:
    prover = new_prover()
    assert checked(prover.proof("GET", ADDRESS, token=ONE), token=ONE).id
    assert refused(prover.proof("GET", ADDRESS, token=ONE), token=TWO)
    assert refused(prover.proof("GET", ADDRESS), token=ONE)
    assert refused(prover.proof("GET", ADDRESS, ath=7), token=ONE)
    assert refused(prover.proof("GET", ADDRESS, ath="名"), token=ONE)


@pytest.mark.parametrize("nonce", [None, "", "x", "名", 7, "A" * 32])
def test_a_nonce_of_nobody_is_asked_for_anew(nonce: object) -> None:
    with pytest.raises(NonceWantedError):
        checked(Prover().proof("GET", ADDRESS, nonce=nonce))


def test_a_nonce_of_another_service_is_asked_for_anew() -> None:
    with pytest.raises(NonceWantedError):
        checked(Prover().proof("GET", ADDRESS, nonce=Nonces(b"j" * 32).new()))


def test_a_nonce_is_good_for_minutes() -> None:
    prover = new_prover()
    with time_machine.travel(time.time() + LIFE_SECONDS - 2):
        assert checked(prover.proof("GET", ADDRESS)).id
    with time_machine.travel(time.time() + LIFE_SECONDS + 2), pytest.raises(NonceWantedError):
        checked(prover.proof("GET", ADDRESS))
    with time_machine.travel(time.time() - 60), pytest.raises(NonceWantedError):
        checked(prover.proof("GET", ADDRESS))
