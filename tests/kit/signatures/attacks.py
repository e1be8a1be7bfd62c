"""What is no request of the signer to this recipient: each attack with the reason it is refused for."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from kit.signatures.keys import thumbprint
from tests.kit.signatures.drafts import (
    COMPONENTS,
    Draft,
    Sent,
    sha256,
    sign_v1_5,
    sign_with_the_public_key_as_secret,
)

PARAMETERS = ("created", "expires", "nonce", "keyid", "alg", "tag")


@dataclass(frozen=True)
class Attacks:
    """Attacks on a recipient that accepts `draft` as it is."""

    draft: Draft
    stranger: RSAPrivateKey

    def all(self) -> Iterator[tuple[str, str, Sent]]:
        """Name, reason and request of each."""
        yield from self._of_another_place()
        yield from self._of_another_content()
        yield from self._of_another_time()
        yield from self._of_another_form()
        yield from self._of_another_key()
        yield from self._of_another_number_of_signatures()

    def _of_another_place(self) -> Iterator[tuple[str, str, Sent]]:
        draft, url = self.draft, self.draft.url
        forwarded = replace(draft, recipient="0198b5a0-0000-7000-8000-0000000000ff")
        yield "another recipient", "other_recipient", forwarded.sent()
        relabelled = forwarded.sent(**{"MyIli-Recipient": draft.recipient})
        yield "another recipient, renamed on the way", "wrong_signature", relabelled
        without = {name: value for name, value in draft.headers().items() if name != "MyIli-Recipient"}
        yield "no recipient", "other_recipient", Sent("POST", url, without, draft.body)
        for name, signed_url in (
            ("another host", "https://another.test/postings"),
            ("another path", f"{url}/cancellations"),
            ("another query", f"{url}?amount_fen=1"),
            ("another scheme", url.replace("http", "gopher", 1)),
        ):
            yield name, "wrong_signature", replace(replace(draft, url=signed_url).sent(), url=url)
        yield "another method", "wrong_signature", replace(replace(draft, method="PUT").sent(), method="POST")

    def _of_another_content(self) -> Iterator[tuple[str, str, Sent]]:
        draft, changed = self.draft, self.draft.body + b" "
        yield "another body", "wrong_digest", replace(draft.sent(), body=changed)
        digested = draft.sent(**{"Content-Digest": sha256(changed)})
        yield "another body and its digest", "wrong_signature", replace(digested, body=changed)
        yield "another content type", "wrong_signature", draft.sent(**{"Content-Type": "text/plain"})
        yield "an unknown digest", "wrong_digest", replace(draft, digest="md5=:AAAA:").sent()
        second = f"{sha256(draft.body)}, sha-512=:{'A' * 86}==:"
        yield "a second digest that is wrong", "wrong_digest", replace(draft, digest=second).sent()

    def _of_another_time(self) -> Iterator[tuple[str, str, Sent]]:
        now = int(time.time())
        for name, created, expires in (
            ("old", now - 700, now - 400),
            ("just expired", now - 305, now - 5),
            ("from the future", now + 330, now + 600),
            ("good for an hour", now, now + 3600),
            ("never good", now, now),
            ("expired before it was made", now, now - 1),
        ):
            yield name, "clock_skew", self._with(created=created, expires=expires)

    def _of_another_form(self) -> Iterator[tuple[str, str, Sent]]:
        for name in COMPONENTS:
            rest = tuple(each for each in COMPONENTS if each != name)
            yield f"{name} not covered", "components_mismatch", replace(self.draft, components=rest).sent()
        more = replace(self.draft, components=(*COMPONENTS, "@authority"))
        yield "a further component", "components_mismatch", more.sent()
        qualified = ('"@method";req', *COMPONENTS[1:])
        yield (
            "the method of a request answered",
            "components_mismatch",
            replace(self.draft, components=qualified).sent(),
        )
        for name in ("@METHOD", "Content-Digest"):
            capital = tuple(name if each == name.lower() else each for each in COMPONENTS)
            yield f"{name} covered", "components_mismatch", replace(self.draft, components=capital).sent()
        twice = replace(self.draft, components=(*COMPONENTS, "@method"))
        yield "a component twice", "components_mismatch", twice.sent()
        for name in PARAMETERS:
            yield f"without {name}", "signature_malformed", self._with(**{name: None})
        yield "a further parameter", "signature_malformed", self._with(audience="everybody")
        yield "the tag of answers", "signature_malformed", self._with(tag="myili-answer")
        yield "a short nonce", "signature_malformed", self._with(nonce="1")
        yield "a time that is a text", "signature_malformed", self._with(created=str(int(time.time())))
        yield "a nonce that is a number", "signature_malformed", self._with(nonce=12345678)

    def _of_another_key(self) -> Iterator[tuple[str, str, Sent]]:
        yield "an unknown key", "unknown_key", replace(self.draft, key=self.stranger).sent()
        borrowed = {"keyid": thumbprint(self.draft.key.public_key())}
        forged = replace(self.draft, key=self.stranger, parameters=borrowed)
        yield "a borrowed key id", "wrong_signature", forged.sent()
        weaker = replace(self.draft, parameters={"alg": "rsa-v1_5-sha256"}, sign=sign_v1_5)
        yield "another algorithm of the key", "wrong_algorithm", weaker.sent()
        yield "another algorithm under this name", "wrong_signature", replace(self.draft, sign=sign_v1_5).sent()
        confused = replace(self.draft, parameters={"alg": "hmac-sha256"}, sign=sign_with_the_public_key_as_secret)
        yield "the public key as a secret", "wrong_algorithm", confused.sent()
        yield "no algorithm at all", "wrong_algorithm", self._with(alg="none")

    def _of_another_number_of_signatures(self) -> Iterator[tuple[str, str, Sent]]:
        draft, url, body = self.draft, self.draft.url, self.draft.body
        one, other = draft.headers(), replace(draft, key=self.stranger, label="sig2").headers()
        both = {name: f"{one[name]}, {other[name]}" for name in ("Signature-Input", "Signature")}
        yield "a second signature", "signature_malformed", draft.sent(**both)
        again = {name: f"{one[name]}, {one[name]}" for name in ("Signature-Input", "Signature")}
        yield "its signature twice", "signature_malformed", draft.sent(**again)
        yield "another label", "signature_malformed", draft.sent(Signature=other["Signature"])
        yield "an empty signature", "wrong_signature", draft.sent(Signature="myili=::")
        yield "no structured field", "signature_malformed", draft.sent(Signature="not base64!")
        yield "no list of components", "signature_malformed", draft.sent(**{"Signature-Input": "myili=1"})
        for stripped in (("Signature",), ("Signature-Input",), ("Signature", "Signature-Input")):
            left = {name: value for name, value in one.items() if name not in stripped}
            yield f"without {' and '.join(stripped)}", "unsigned", Sent("POST", url, left, body)

    def _with(self, **parameters: str | int | None) -> Sent:
        return replace(self.draft, parameters=parameters).sent()
