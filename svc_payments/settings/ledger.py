from kit.audit.settings import ProofSettings, StoreUrl

__all__ = ["LedgerSettings", "StoreUrl"]


class LedgerSettings(ProofSettings):
    """All that proving the ledger needs, so that an auditor can do it without the keys of the service."""

    ledger_anchors: StoreUrl
    """Where heads of the chains are kept outside the database."""

    @property
    def store_url(self) -> str:
        return self.ledger_anchors
