from tests.svc_services.accounts.bindings.conftest import bind, person_id, provider_id

__all__ = ["bind", "person_id", "provider_id"]
