"""The store of anchors, and what writes into it."""

from pathlib import Path

import pytest
from obstore.store import ObjectStore

from kit.audit.anchoring import Anchoring
from kit.audit.anchors import opened
from svc_payments.ledger.anchors import anchoring
from tests.anchor_keys import anchor_key


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return opened((tmp_path / "anchors").as_uri())


@pytest.fixture
def anchors(tmp_path: Path) -> Anchoring:
    """What the worker anchors with, into `store`."""
    return anchoring((tmp_path / "anchors").as_uri(), anchor_key())
