from tests.svc_payments.bill_files.conftest import headers

__all__ = ["headers"]
