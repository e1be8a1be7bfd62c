"""Which public keys a provider may bring."""

import base64
from collections.abc import Callable
from typing import Any, Literal

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from kit.key_sets import BadKeySet, PrivateKeySent, public_key_set
from tests.svc_services.companies import public_key
from tests.weak_keys import WEAK_KEYS

RSA = RSAKey.generate_key(2048)
Jwk = dict[str, Any]


def rsa_public(**changes: str) -> Jwk:
    return {**RSA.as_dict(private=False), "kid": "r1", **changes}


def test_valid_keys_are_stored_without_unknown_members() -> None:
    given = {
        "keys": [{**public_key("k1"), "alg": "ES256", "x5u": "http://elsewhere.test"}, rsa_public()],
        "note": "ours",
    }
    kept = public_key_set(given)
    assert [set(key) for key in kept["keys"]] == [
        {"kty", "crv", "x", "y", "kid", "use", "alg"},
        {"kty", "n", "e", "kid", "use"},
    ]
    assert [key["kid"] for key in kept["keys"]] == ["k1", "r1"]


@pytest.mark.parametrize(
    "jwks",
    [
        {"keys": [{**ECKey.generate_key("P-256").as_dict(private=True), "kid": "k1"}]},
        {"keys": [public_key("good"), {**RSA.as_dict(private=True), "kid": "r1"}]},
        {"keys": [{**OctKey.generate_key(256).as_dict(), "kid": "s1"}]},
        {"keys": [rsa_public(p="AQAB")]},
        {"keys": [rsa_public(d="")]},
        ECKey.generate_key("P-256").as_dict(private=True),
        {"keys": [public_key()], "backup": {"keys": [RSA.as_dict(private=True)]}},
    ],
    ids=["ec", "second key", "symmetric", "one prime", "empty member", "a key instead of a set", "beside the set"],
)
def test_a_private_key_is_refused_wherever_it_hides(jwks: Jwk) -> None:
    with pytest.raises(PrivateKeySent) as refused:
        public_key_set(jwks)
    assert refused.value.values == {}


def test_a_key_is_stored_in_its_one_form() -> None:
    """Java's BigInteger puts a zero byte before a number, and a thumbprint is of what is written."""
    led = base64.urlsafe_b64encode(b"\0" + base64.urlsafe_b64decode(rsa_public()["n"] + "==")).decode().rstrip("=")
    assert public_key_set({"keys": [rsa_public(n=led, e="AAEAAQ")]}) == public_key_set({"keys": [rsa_public()]})


def okp(curve: Literal["Ed25519", "Ed448", "X25519"]) -> Jwk:
    return {**OKPKey.generate_key(curve).as_dict(private=False), "kid": "o1"}


@pytest.mark.parametrize("algorithm", ["PS256", "RS256", None])
def test_a_key_keeps_the_algorithm_that_it_states(algorithm: str | None) -> None:
    stated = {"alg": algorithm} if algorithm else {}
    (kept,) = public_key_set({"keys": [rsa_public(**stated)]})["keys"]
    assert kept.get("alg") == algorithm


def test_an_ed25519_key_is_kept() -> None:
    given = okp("Ed25519")
    (kept,) = public_key_set({"keys": [given]})["keys"]
    assert {name: kept[name] for name in ("kty", "crv", "x", "kid")} == given


def off_the_curve() -> Jwk:
    return {**public_key(), "y": public_key()["y"]}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (list, "keys"),
        (lambda: [public_key(f"k{n}") for n in range(11)], "keys"),
        (lambda: "keys", "keys"),
        (lambda: None, "keys"),
        (lambda: [public_key("k1"), rsa_public(kid="k1")], "kid_twice"),
        (lambda: [rsa_public(), rsa_public(kid="r2")], "key_twice"),
        (lambda: [{**public_key(), "kid": ""}], "kid"),
        (lambda: [{**public_key(), "kid": 7}], "kid"),
        (lambda: [{**public_key(), "kid": "k" * 129}], "kid"),
        (lambda: [{**public_key(), "kid": "k\x00"}], "kid"),
        (lambda: [ECKey.generate_key("P-256").as_dict(private=False)], "kid"),
        (lambda: [okp("Ed448")], "curve"),
        (lambda: [okp("X25519")], "curve"),
        (lambda: [{**okp("Ed25519"), "x": "AAAA"}], "key"),
        (lambda: [{**okp("Ed25519"), "alg": "ES256"}], "algorithm"),
        (lambda: [rsa_public(alg="ES256")], "algorithm"),
        (lambda: [{**public_key(), "alg": ["ES256"]}], "algorithm"),
        (lambda: [{**public_key(), "kty": ["EC"]}], "key_type"),
        (lambda: [{**public_key(), "use": "enc"}], "use"),
        (lambda: [{**public_key(), "alg": "ES384"}], "algorithm"),
        (lambda: [rsa_public(alg="none")], "algorithm"),
        (lambda: [{**ECKey.generate_key("P-384").as_dict(private=False), "kid": "k1"}], "curve"),
        (lambda: [{**RSAKey.generate_key(1024).as_dict(private=False), "kid": "r1"}], "rsa_size"),
        (lambda: [off_the_curve()], "key"),
        (lambda: [{**public_key(), "x": None}], "key"),
        (lambda: [rsa_public(n="!!!")], "key"),
        (lambda: [rsa_public(e="Ag")], "key"),
        (lambda: ["key"], "key"),
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the weak keys are weak on purpose
def test_a_weak_or_broken_key_is_refused_with_its_reason(keys: Callable[[], object], reason: str) -> None:
    with pytest.raises(BadKeySet) as refused:
        public_key_set({"keys": keys()})
    assert refused.value.values == {"reason": reason}


@pytest.mark.parametrize("name", WEAK_KEYS)
def test_a_key_that_anybody_can_sign_for_is_refused(name: str) -> None:
    with pytest.raises(BadKeySet) as refused:
        public_key_set({"keys": [{**WEAK_KEYS[name], "kid": name}]})
    assert refused.value.values == {"reason": "weak"}
