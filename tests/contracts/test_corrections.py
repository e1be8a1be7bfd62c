"""Corrections of released documents are no breaks, and excuse nothing else."""

from contracts.corrections import Correction, uncovered

CORRECTION = Correction(("1.0.0",), r"openapi/\w+\.v1\.json: .*: parameter key was optional and is required", "it was")
EXCUSED = "openapi/x.v1.json: POST /x/v1/y: parameter key was optional and is required"


def test_a_correction_covers_its_fault_in_the_releases_it_names() -> None:
    assert uncovered([("1.0.0", EXCUSED)], [CORRECTION]) == []
    assert uncovered([("1.0.0", EXCUSED), ("1.1.0", EXCUSED)], [CORRECTION]) == [
        f"{EXCUSED} (released in 1.1.0); publish a v2 beside it instead."
    ]


def test_a_correction_covers_whole_sentences_only() -> None:
    fault = "openapi/x.v1.json: POST /x/v1/y: parameter key is new and required"
    assert uncovered([("1.0.0", EXCUSED), ("1.0.0", fault)], [CORRECTION]) == [
        f"{fault} (released in 1.0.0); publish a v2 beside it instead."
    ]


def test_a_correction_that_corrects_nothing_is_a_fault() -> None:
    assert [sentence.partition(":")[0] for sentence in uncovered([], [CORRECTION])] == ["contracts/corrections.py"]
