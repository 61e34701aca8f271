"""One network of a run as a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from imtrans.errors import ImtransError, OutputError, TrainingError, UnknownNameError, UsageError
from imtrans.train.export import export
from imtrans.train.loop import Trainer
from imtrans.train.translators import translators_in
from imtrans.weights.loading import load_network

from .toys import SMALL_CYCLEGAN, cyclegan


@pytest.fixture
def run(trainer: Callable[..., Trainer]) -> Trainer:
    """A CycleGAN with checkpoints of steps 2 and 3."""
    trained = trainer(*SMALL_CYCLEGAN, "train.steps=3", "train.checkpoint_every=2", card=cyclegan())
    trained.fit()
    return trained


@pytest.mark.parametrize(
    ("direction", "network"), [(None, "generator_ab"), ("a2b", "generator_ab"), ("b2a", "generator_ba")]
)
def test_the_file_is_all_that_running_needs(run: Trainer, tmp_path: Path, direction: str | None, network: str) -> None:
    written = export(run.run.root, tmp_path / "out" / "x.safetensors", direction=direction)
    assert (written.direction, written.step) == (direction or "a2b", 3)
    assert written.size == written.path.stat().st_size
    loaded = load_network(cyclegan(), written.path)
    assert loaded.config == run.settings.method.generator
    trained = run.method.networks[network].eval()
    x = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.network(x), trained(x))


def test_half_precision(run: Trainer, tmp_path: Path) -> None:
    half = export(run.run.root, tmp_path / "half.safetensors", precision="fp16")
    whole = export(run.run.root, tmp_path / "whole.safetensors")
    assert {tensor.dtype for tensor in load_file(half.path).values()} == {torch.float16}
    assert half.size < whole.size
    for key, tensor in load_network(cyclegan(), half.path).network.state_dict().items():
        torch.testing.assert_close(tensor, load_file(whole.path)[key], atol=1e-4, rtol=1e-3)


def test_an_earlier_step(run: Trainer, tmp_path: Path) -> None:
    assert export(run.run.root, tmp_path / "x.safetensors", step=2).step == 2


@pytest.mark.parametrize(
    ("options", "kind", "words", "have"),
    [
        ({"direction": "a2c"}, UnknownNameError, "no direction 'a2c'", "a2b, b2a"),
        ({"step": 7}, UnknownNameError, "no checkpoint of step 7", "Steps: 2, 3."),
        ({"precision": "fp8"}, UnknownNameError, "cannot be exported in 'fp8'", "fp32, fp16"),
    ],
)
def test_errors_name_what_exists(
    run: Trainer, tmp_path: Path, options: dict[str, object], kind: type[ImtransError], words: str, have: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        export(run.run.root, tmp_path / "x.safetensors", **options)  # type: ignore[arg-type]
    assert have in caught.value.have
    assert caught.value.hint
    assert not (tmp_path / "x.safetensors").exists()


def test_nothing_is_overwritten_unless_forced(run: Trainer, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists already") as caught:
        export(run.run.root, path)
    assert "--force" in caught.value.hint
    assert path.read_text() == "precious"
    export(run.run.root, path, force=True)
    load_network(cyclegan(), path)


@pytest.mark.parametrize("name", ["x.pth", "x", ".safetensors"])
def test_other_suffixes_are_refused(run: Trainer, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="under another name") as caught:
        export(run.run.root, tmp_path / name)
    assert ".safetensors" in caught.value.hint


def test_folders(run: Trainer, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        export(run.run.root, tmp_path / "x.safetensors", force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        export(run.run.root, tmp_path / "file" / "x.safetensors")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no checkpoints") as caught:
        export(tmp_path / "nothing", tmp_path / "x.safetensors")
    assert caught.value.have
    assert caught.value.hint


def test_several_directions_without_the_usual_one(run: Trainer, tmp_path: Path) -> None:
    folder = tmp_path / "other" / "checkpoints" / "step-00000001"
    folder.mkdir(parents=True)
    (folder / "state.pt").touch()
    save_file({"x": torch.zeros(1)}, folder / "g.safetensors")
    with pytest.raises(TrainingError, match="holds no network that could be run"):
        export(tmp_path / "other", tmp_path / "x.safetensors")
    save_file({"x": torch.zeros(1)}, folder / "g.safetensors", {"imtrans": '{"direction": "up", "step": 1}'})
    assert export(tmp_path / "other", tmp_path / "x.safetensors").direction == "up"
    save_file({"x": torch.zeros(1)}, folder / "h.safetensors", {"imtrans": '{"direction": "down", "step": 1}'})
    with pytest.raises(UnknownNameError, match="several networks could be meant") as caught:
        export(tmp_path / "other", tmp_path / "y.safetensors")
    assert "down, up" in caught.value.have


def test_weights_that_half_precision_cannot_hold(run: Trainer, tmp_path: Path) -> None:
    path = run.run.latest_checkpoint() / "generator_ab.safetensors"
    metadata = translators_in(path.parent)["a2b"].metadata
    tensors = load_file(path)
    tensors["model.1.weight"].view(-1)[0] = -1e5
    save_file(tensors, path, metadata)
    with pytest.raises(OutputError, match=r"model\.1\.weight does not fit into fp16: it reaches 100000") as caught:
        export(run.run.root, tmp_path / "x.safetensors", precision="fp16")
    assert "65504" in caught.value.have
    assert "fp32" in caught.value.hint
    export(run.run.root, tmp_path / "x.safetensors")
    tensors["model.1.weight"].view(-1)[0] = float("nan")
    save_file(tensors, path, metadata)
    with pytest.raises(OutputError, match="no numbers"):
        export(run.run.root, tmp_path / "y.safetensors")
