"""A worker that has lost Kafka fires an alert for the part that it concerns; a short break fires none."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.deploy.test_alerts import COMPOSE, rules
from tests.deploy.test_security_alerts import needs_promtool

NAME = "KafkaNotConnected"


def firing(folder: Path, relay: str, consumer: str, at: str) -> subprocess.CompletedProcess[str]:
    """Whether promtool finds the alert firing for the consumer alone, with these values every 15 seconds."""
    series = "myili_kafka_connected"
    alert = f'ALERTS{{alertname="{NAME}", alertstate="firing", job="payments", part="consumer", severity="page"}}'
    case = {
        "interval": "15s",
        "input_series": [
            {"series": f'{series}{{job="payments", instance="worker:1", part="{part}"}}', "values": values}
            for part, values in (("relay", relay), ("consumer", consumer))
        ],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{NAME}", alertstate="firing"}}',
                "eval_time": at,
                "exp_samples": [{"labels": alert, "value": 1}],
            }
        ],
    }
    test = folder / "kafka.json"
    alerts = str(COMPOSE / "alerts.yaml")
    test.write_text(json.dumps({"rule_files": [alerts], "evaluation_interval": "15s", "tests": [case]}), "utf-8")
    return subprocess.run(["promtool", "test", "rules", str(test)], capture_output=True, text=True, check=False)  # noqa: S603, S607


def test_the_rule_reads_the_gauge() -> None:
    assert rules()[NAME]["expr"] == "min by (job, part) (myili_kafka_connected) == 0"


@needs_promtool
@pytest.mark.parametrize(
    ("consumer", "fires"),
    [
        ("1x8 0x40", True),  # lost after two minutes, for ten
        ("0x48", True),  # never reached
        ("1x8 0x12 1x28", False),  # back after three minutes
        ("1x48", False),
    ],
)
def test_a_part_that_has_lost_kafka_fires_after_five_minutes(tmp_path: Path, consumer: str, fires: bool) -> None:  # noqa: FBT001 - a parameter of the test
    tested = firing(tmp_path, "1x48", consumer, "9m")
    assert (tested.returncode == 0) is fires, tested.stderr
    assert fires or "got: nil" in tested.stderr
