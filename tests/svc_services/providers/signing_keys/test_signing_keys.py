"""The keys with which providers verify our calls."""

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import KeySet, RSAKey

from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request, sign_request, verify_request


async def test_a_call_signed_by_this_service_verifies_with_the_published_keys(
    api: httpx.AsyncClient, signing_key: RSAPrivateKey
) -> None:
    answer = await api.get("/services/v1/signing-keys")
    published = answer.json()
    assert set(published["keys"][0]) == {"kty", "n", "e", "kid", "use", "alg"}
    key_id = thumbprint(signing_key.public_key())
    key = KeySet.import_key_set(published).get_by_kid(key_id)
    assert isinstance(key, RSAKey)
    assert key.alg == "PS512"
    url = "https://provider.test/account-verifications"
    headers = sign_request(signing_key, "provider", "POST", url, b"{}")
    verify_request({key_id: key.public_key}, "provider", Request("POST", url, headers), b"{}")
    again = await api.get("/services/v1/signing-keys", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
