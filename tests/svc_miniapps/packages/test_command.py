"""`python -m svc_miniapps.packages check`: the same checks on a team's own computer, also installed from the wheel."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from svc_miniapps.packages import wheel
from svc_miniapps.packages.__main__ import FAULTY, SOUND, UNREADABLE, main
from tests.svc_miniapps.packages.inspected import entries, package
from tests.svc_miniapps.sample_packages import Entry, zipped

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sound(tmp_path: Path) -> str:
    file = tmp_path / "sound.ma"
    file.write_bytes(package().packed())
    return str(file)


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    file = tmp_path / "faulty.ma"
    script = Entry(b"app.js", b"App({})\neval('1')")
    file.write_bytes(zipped([script, *(each for each in entries() if each.name != b"app.js")]))
    return str(file)


def test_a_sound_package_exits_with_0(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound]) == SOUND == 0
    assert capsys.readouterr().out == "OK\n"


def test_a_finding_names_its_rule_file_line_and_remedy(faulty: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", faulty, "--language", "en"]) == FAULTY == 1
    first, remedy = capsys.readouterr().out.splitlines()
    assert first.startswith("app.js:2: [script_makes_code] The script app.js runs text as code")
    assert remedy.startswith("    Nobody can review such code. Write a function instead, also for timers;")


def test_findings_for_programs(faulty: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", faulty, "--json"]) == FAULTY
    answer = json.loads(capsys.readouterr().out)
    assert answer["is_sound"] is False
    (finding,) = answer["findings"]
    assert (finding["code"], finding["member"], finding["line"]) == ("script_makes_code", "app.js", 2)


@pytest.mark.parametrize(
    ("lang", "word"),
    [
        ("zh_CN.UTF-8", "脚本"),
        ("en_US.UTF-8", "script"),
        ("kk_CN.UTF-8", "سكريپتى"),
        ("ug_CN", "سكرىپتى"),
        ("fr", "脚本"),
    ],
)
def test_the_language_is_that_of_the_environment(
    faulty: str, lang: str, word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)
    main(["check", faulty])
    assert word in capsys.readouterr().out


def test_a_registration_can_be_given(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound, "--name", "别的名称", "--version-code", "2", "--json"]) == FAULTY
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["code"] for finding in found] == ["other_name", "other_version_code"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert main(["check", str(tmp_path / "none.ma")]) == UNREADABLE == 2


def test_the_checks_import_no_service(sound: str) -> None:
    """What the wheel has is all they need."""
    program = (
        "import sys; from svc_miniapps.packages.__main__ import main; main(sys.argv[1:]);"
        "heavy = {'sqlalchemy', 'fastapi', 'pydantic', 'obstore', 'chassis'}; assert not heavy & set(sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, "check", sound], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
def test_the_wheel_runs_in_an_environment_of_its_own(sound: str, faulty: str, tmp_path: Path) -> None:
    built = wheel.build(tmp_path / "dist")
    assert wheel.build(tmp_path / "again").read_bytes() == built.read_bytes()
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *quiet, str(built)], check=True, timeout=240)  # noqa: S603
    command = str(environment / "bin" / "my-ili-package")
    clean = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8"}
    for file, code in ((sound, SOUND), (faulty, FAULTY)):
        done = subprocess.run(  # noqa: S603 - what was just installed
            [command, "check", file, "--json"], cwd=tmp_path, env=clean, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)["is_sound"] is (code == SOUND)
