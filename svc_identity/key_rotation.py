"""`python -m svc_identity.key_rotation list | next | withdraw`: the schedule of the keys that sign tokens."""

import sys

from pydantic import SecretStr

from chassis.settings import EnvironmentSettings, load
from kit.key_rotation import Rotation
from svc_identity.keys import RETIRED_AFTER


class KeySettings(EnvironmentSettings):
    token_signing_key: SecretStr


def _read() -> str:
    return load(KeySettings).token_signing_key.get_secret_value()


ROTATION = Rotation(
    module="svc_identity.key_rotation",
    variable="MYILI_TOKEN_SIGNING_KEY",
    service="identity",
    retired_after=RETIRED_AFTER,
    read=_read,
    withdrawing="end its tokens",
)
main = ROTATION.main


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
