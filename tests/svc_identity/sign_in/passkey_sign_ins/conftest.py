"""Each app comes a minute after the one before, as a phone gets one texted code a minute."""

from tests.svc_identity.sign_in.second_step.conftest import clock, new_app_client

__all__ = ["clock", "new_app_client"]
