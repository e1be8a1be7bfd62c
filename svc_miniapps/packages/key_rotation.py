"""`python -m svc_miniapps.packages.key_rotation list | next | withdraw`: the schedule of keys for packages."""

import sys

from pydantic import SecretStr

from chassis.settings import EnvironmentSettings, load
from kit.key_rotation import Rotation
from svc_miniapps.packages.statements import RETIRED_AFTER


class KeySettings(EnvironmentSettings):
    package_signing_key: SecretStr


def _read() -> str:
    return load(KeySettings).package_signing_key.get_secret_value()


ROTATION = Rotation(
    module="svc_miniapps.packages.key_rotation",
    variable="MYILI_PACKAGE_SIGNING_KEY",
    service="miniapps",
    retired_after=RETIRED_AFTER,
    read=_read,
    withdrawing="have the worker sign anew what it signed",
)


if __name__ == "__main__":
    raise SystemExit(ROTATION.main(sys.argv[1:]))
