"""The company's folder: its keys and its application, readable by it alone, and the books."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from contracts.reference_provider.client import Client, PlatformError, load_key

KEY, NEXT_KEY, FORMER_KEY = "key.json", "next_key.json", "former_key.json"
APPLICATION, BOOKS = "application.json", "books.sqlite3"
SANDBOX, SANDBOX_BOOKS = "sandbox.json", "sandbox.sqlite3"
TOKEN_VARIABLE = "APPLICATION_TOKEN"  # noqa: S105 - the name of a variable
"""Where `application_token` comes from once it is kept apart from the systems with the key."""


def client_of(options: argparse.Namespace, key: str = KEY) -> Client:
    provider_id = filed_application(options).get("provider_id") or ""
    return Client(options.platform, load_key(options.state / key), provider_id)


def filed_application(options: argparse.Namespace) -> dict[str, Any]:
    path: Path = options.state / APPLICATION
    filed: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return filed


def application_token(options: argparse.Namespace) -> str:
    token = os.environ.get(TOKEN_VARIABLE) or filed_application(options).get("application_token")
    if not token:
        raise PlatformError(f"The application token is missing; give it in the variable {TOKEN_VARIABLE}.")
    return str(token)


def write_private(path: Path, content: object) -> None:
    """Write a file that only its owner can read; a crash leaves the old one or the new one."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def show(content: object) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=2))
