from pydantic import SecretStr
from sqlalchemy import URL

from chassis.migrations import AdministratorSettings
from chassis.settings import EnvironmentSettings
from kit.audit.settings import ProofSettings, StoreUrl

AUDITOR = "myili_auditor"
"""The database role that reads, and may do nothing else."""
SERVICES = ("identity", "services", "payments", "miniapps")


class EvidenceSettings(ProofSettings):
    """All that the pack needs: no key of personal data, and no role that could change anything."""

    anchors: StoreUrl
    """Where the anchors of three services are kept."""
    ledger_anchors: StoreUrl
    """Where those of svc_payments are kept."""

    def store_of(self, service: str) -> str:
        return self.ledger_anchors if service == "payments" else self.anchors


class GrantSettings(EnvironmentSettings):
    """What making the auditor's role needs."""

    database_admin_url: SecretStr
    auditor_password: SecretStr
    """Of the database role `myili_auditor`, which reads all databases of the platform."""

    def url_of(self, service: str) -> URL:
        return AdministratorSettings(database_admin_url=self.database_admin_url).url_of(f"svc_{service}")
