"""A counter and two people with one ID number, as for the decisions of claims."""

from tests.svc_identity.organisations.claim_decisions.conftest import clash, counter

__all__ = ["clash", "counter"]
