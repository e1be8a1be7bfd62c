from tests.svc_payments.billing.files.conftest import headers

__all__ = ["headers"]
