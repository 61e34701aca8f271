"""What a file of ours says it holds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from imtrans.errors import WeightsError
from imtrans.weights.identity import KEY, Identity, identity_in, metadata_for


@dataclass(frozen=True)
class Config:
    width: int = 4
    name: str = "ä"


def test_round_trip_beside_other_text() -> None:
    metadata = metadata_for("toy", Config(8), {"licence": "MIT"})
    assert metadata["licence"] == "MIT"
    assert identity_in(metadata, "file") == Identity("toy", {"width": 8, "name": "ä"})


def test_other_files_say_nothing() -> None:
    assert identity_in({}, "file") is None
    assert identity_in({"format": "pt"}, "file") is None


@pytest.mark.parametrize(
    "text", ["", "{", "3", "[]", "{}", '{"model": 3, "config": {}}', '{"model": "toy"}', "[" * 100_000]
)
def test_a_broken_identity_is_refused(text: str) -> None:
    with pytest.raises(WeightsError, match="file: its 'imtrans' metadata"):
        identity_in({KEY: text}, "file")
