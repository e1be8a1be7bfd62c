from tests.svc_services.cases.applications.conftest import person_id, provider_id, resident

__all__ = ["person_id", "provider_id", "resident"]
