"""Make the golden files of StyleGAN2 with NVIDIA's and rosinality's own code, which is not part of this project.

    python make_stylegan2.py nvidia CHECKOUT
    python make_stylegan2.py rosinality CHECKOUT

CHECKOUT is a checkout of the repository at the commit that README.md names. NVIDIA's code imports ``requests``, which
it needs for downloads alone, and ``scipy.signal``, which it needs for augmentations that are not compared here; both
are replaced.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file
from stylegan2_values import drawn, faces, fill
from torch import Tensor, nn

HERE = Path(__file__).parent

STRIDE = 4
"""Of the pixels that are kept of a picture."""

CASES: dict[str, dict[str, Any]] = {
    "plain": {"channel_base": 512, "channel_max": 16, "num_layers": 2, "c_dim": 0, "clamp": None},
    "classes": {"channel_base": 1024, "channel_max": 12, "num_layers": 3, "c_dim": 3, "clamp": 0.8},
    "narrow": {"channel_base": 192, "channel_max": 24, "num_layers": 8, "c_dim": 0, "clamp": None},
}
RESOLUTION, Z_DIM, W_DIM = 64, 16, 12


def with_values(network: nn.Module) -> nn.Module:
    """The network in eval mode, filled by its keys."""
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(fill(shapes), strict=False)
    return network.eval().requires_grad_(False)


def stub_imports() -> None:
    """Stand-ins for what NVIDIA's code imports and is not asked for here."""
    signal = ModuleType("scipy.signal")
    signal.convolve = lambda rows, kernel: np.stack([np.convolve(row, kernel[0]) for row in rows])  # type: ignore[attr-defined]
    scipy = ModuleType("scipy")
    scipy.signal = signal  # type: ignore[attr-defined]
    sys.modules |= {"requests": ModuleType("requests"), "scipy": scipy, "scipy.signal": signal}


def networks_of(case: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    """NVIDIA's generator and discriminator."""
    from training.networks import Discriminator, Generator

    widths = {"channel_base": case["channel_base"], "channel_max": case["channel_max"], "conv_clamp": case["clamp"]}
    generator = Generator(
        z_dim=Z_DIM,
        c_dim=case["c_dim"],
        w_dim=W_DIM,
        img_resolution=RESOLUTION,
        img_channels=3,
        mapping_kwargs={"num_layers": case["num_layers"]},
        synthesis_kwargs=widths,
    )
    discriminator = Discriminator(c_dim=case["c_dim"], img_resolution=RESOLUTION, img_channels=3, **widths)
    return with_values(generator), with_values(discriminator)


def labels_of(case: dict[str, Any], count: int) -> Tensor:
    """One-hot classes 0, 1, 2, 0, ..., or nothing."""
    return torch.eye(max(case["c_dim"], 1))[torch.arange(count) % max(case["c_dim"], 1)][:, : case["c_dim"]]


def nvidia_outputs(case: dict[str, Any]) -> dict[str, Tensor]:
    """Pictures, scores and losses of a case."""
    generator, discriminator = networks_of(case)
    z, labels = drawn("z", (2, Z_DIM)), labels_of(case, 8)
    found = {
        "const": generator(z, labels[:2], noise_mode="const"),
        "truncated": generator(z, labels[:2], truncation_psi=0.5, truncation_cutoff=5, noise_mode="none"),
    }
    found = {name: picture[..., ::STRIDE, ::STRIDE] for name, picture in found.items()}
    found["ws"] = generator.mapping(z, labels[:2])[:, 0]
    found["scores"] = discriminator(faces(8, RESOLUTION), labels)
    return found | losses_of(case, generator, discriminator)


def losses_of(case: dict[str, Any], generator: nn.Module, discriminator: nn.Module) -> dict[str, Tensor]:
    """What NVIDIA's StyleGAN2Loss reports, with its own draws of noise and style mixing after torch.manual_seed(1)."""
    from training.loss import StyleGAN2Loss

    reported: dict[str, Tensor] = {}

    def report(name: str, value: Tensor) -> None:
        reported.setdefault(name, value.detach().clone())

    generator.train().requires_grad_(True)
    discriminator.train().requires_grad_(True)
    loss = StyleGAN2Loss(
        "cpu", generator.mapping, generator.synthesis, discriminator, style_mixing_prob=0.9, r1_gamma=3
    )
    z, labels, real = drawn("z of losses", (4, Z_DIM)), labels_of(case, 4), faces(4, RESOLUTION)
    with mock.patch("torch_utils.training_stats.report", report):
        for phase in ("Gmain", "Greg", "Dmain", "Dreg"):
            torch.manual_seed(1)
            gains = {"Greg": 4, "Dreg": 16}
            loss.accumulate_gradients(phase, real, labels, z, labels, sync=False, gain=gains.get(phase, 1))
            if phase == "Greg":
                gradient = generator.synthesis.b8.conv0.weight.grad[:2, :2].clone()
    names = ("Loss/G/loss", "Loss/G/reg", "Loss/D/loss", "Loss/D/reg")
    found = {name: reported[name].mean().reshape(1) for name in names if name in reported}
    return found | {"pl_mean": loss.pl_mean.reshape(1), "gradient": gradient}


def augmented() -> dict[str, Tensor]:
    """NVIDIA's augmentation pipe at given places of its distributions, group by group."""
    from training.augment import AugmentPipe

    groups = {
        "b": ("xflip", "rotate90", "xint"),
        "g": ("scale", "rotate", "aniso", "xfrac"),
        "c": ("brightness", "contrast", "lumaflip", "hue", "saturation"),
    }
    found = {}
    for letters in ("b", "g", "c", "bgc"):
        pipe = AugmentPipe(**{name: 1 for letter in letters for name in groups[letter]})
        for percentile in (0.3, 0.7):
            pictures = pipe(faces(1, 32), debug_percentile=percentile)
            found[f"augment.{letters}.{percentile}"] = pictures[..., ::2, ::2]
    return found


def nvidia() -> None:
    """A file with all cases, and a small pickle as NVIDIA's training loop writes it."""
    stub_imports()
    from torch_utils import persistence

    # Its pickles hold the source of its modules, which has no place here, and must not run when they are read.
    persistence._module_to_src = lambda module: "raise AssertionError('this source must never run')"
    tensors = augmented()
    for name, case in CASES.items():
        tensors |= {f"{name}.{what}": value for what, value in nvidia_outputs(case).items()}
    write("stylegan2-nvidia", tensors, {"cases": CASES})
    write_pickle()


def write_pickle() -> None:
    """The networks of the smallest case at 8 pixels, as ``training_loop.py`` saves them."""
    import dnnlib
    from training.augment import AugmentPipe
    from training.networks import Discriminator, Generator

    common = dnnlib.EasyDict(c_dim=0, img_resolution=8, img_channels=3)
    widths = dnnlib.EasyDict(channel_base=32, channel_max=4, conv_clamp=256, num_fp16_res=4)
    mapping = dnnlib.EasyDict(num_layers=2)
    generator = Generator(z_dim=4, w_dim=4, mapping_kwargs=mapping, synthesis_kwargs=widths, **common)
    average = Generator(z_dim=4, w_dim=4, mapping_kwargs=mapping, synthesis_kwargs=widths, **common)
    data = {
        "training_set_kwargs": dnnlib.EasyDict(class_name="training.dataset.ImageFolderDataset", path="x.zip"),
        "G": generator.eval().requires_grad_(False),
        "D": Discriminator(**common, **widths).eval().requires_grad_(False),
        "G_ema": with_values(average),
        "augment_pipe": AugmentPipe(xflip=1),
    }
    with (HERE / "stylegan2-nvidia.pkl").open("wb") as file:
        pickle.dump(data, file)
    average.synthesis.b8.use_fp16 = False
    picture = average(drawn("z", (1, 4)), torch.zeros(1, 0), noise_mode="const")
    write("stylegan2-nvidia-pickle", {"picture": picture}, {})


def rosinality() -> None:
    """Keys, shapes and a picture of rosinality's generator, with an eighth of its channels."""
    import torch.utils.cpp_extension

    with mock.patch.object(torch.utils.cpp_extension, "load"):  # their CUDA kernels, which a CPU does without
        import model

    source = Path(model.__file__).read_text().replace(": 512,", ": 16,").replace("256 * channel", "8 * channel")
    narrow: dict[str, Any] = {"__name__": "narrow"}
    exec(compile(source, "narrow model.py", "exec"), narrow)
    generator = narrow["Generator"](RESOLUTION, W_DIM, 2, channel_multiplier=1)
    shapes = {key: tuple(value.shape) for key, value in generator.state_dict().items()}
    values = {key: drawn(key, shape) for key, shape in shapes.items() if not key.endswith("kernel")}
    values |= {key: 100 * value for key, value in values.items() if key.startswith("style.") and "weight" in key}
    generator.load_state_dict(values, strict=False)
    with torch.no_grad():
        picture, _ = generator.eval()([drawn("z", (2, W_DIM))], randomize_noise=False)
        many = np.concatenate([np.random.RandomState(seed).randn(1, W_DIM) for seed in range(4096)])
        average = generator.style(torch.from_numpy(many).float()).mean(0, keepdim=True)
        truncated, _ = generator(
            [drawn("z", (2, W_DIM))], truncation=0.5, truncation_latent=average, randomize_noise=False
        )
    tensors = {"const": picture[..., ::STRIDE, ::STRIDE], "truncated": truncated[..., ::STRIDE, ::STRIDE]}
    write("stylegan2-rosinality", tensors, {"shapes": shapes})


def write(name: str, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """A golden file."""
    plain = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    save_file(plain, HERE / f"{name}.safetensors", {"about": json.dumps(about)})
    (HERE / f"{name}.safetensors").chmod(0o644)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("whose", choices=("nvidia", "rosinality"))
    parser.add_argument("checkout", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.checkout.resolve()))
    {"nvidia": nvidia, "rosinality": rosinality}[arguments.whose]()
