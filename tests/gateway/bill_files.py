"""Operations whose bodies are large, and one file to send by them."""

MEGABYTE = 1024 * 1024
FILE = "PUT /payments/v1/bill-files/{file_name}"
UPLOAD = {
    FILE: {"x-max-body-bytes": 512 * MEGABYTE, "x-timeout-seconds": 30},
    "GET /payments/v1/bill-files/{file_name}": {},
}
PATH = "/payments/v1/bill-files/may.csv"
