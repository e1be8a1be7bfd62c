"""Which keys of a client can sign its assertions."""

import pytest
from joserfc.jwk import ECKey

from chassis.inbox import Poison
from svc_identity.oauth.key_sets import signing_keys
from tests.weak_keys import WEAK_KEYS


@pytest.mark.parametrize("name", WEAK_KEYS)
def test_a_key_that_anybody_can_sign_for_is_left_out(name: str) -> None:
    weak = {**WEAK_KEYS[name], "kid": name}
    sound = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "sound"}
    assert [key["kid"] for key in signing_keys({"keys": [weak, sound]})["keys"]] == ["sound"]
    with pytest.raises(Poison):
        signing_keys({"keys": [weak]})
