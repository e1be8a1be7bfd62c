"""Migrations, starter data and the first operator, in one process: each of them alone would import it all again.

The same commands do this in production; here they run one after the other as `python -m` would run them.
"""

import os
import runpy
import sys
import warnings

from deploy.local.plan import PACKAGES

OPERATOR_PHONE = "MYILI_OPERATOR_PHONE"
RESEND = "MYILI_RESEND"


def main() -> None:
    # runpy warns that a module about to run has been imported too; that is what `python -m` does to it anyway.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")
    _run("chassis.db", "upgrade", *PACKAGES)
    for package in ("svc_identity", "svc_services", "svc_miniapps"):
        _run(f"{package}.starter")
    _run("svc_identity.memberships", "grant-operator", "--phone", os.environ[OPERATOR_PHONE])
    if os.environ.get(RESEND):
        _run("chassis.outbox", "resend", *PACKAGES)


def _run(module: str, *arguments: str) -> None:
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    main()
