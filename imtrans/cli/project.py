"""``imtrans project``: the latent of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imtrans.cli.options import Backend, Device, JsonLines, Offline, Weights

if TYPE_CHECKING:
    from imtrans.infer.generator import Generator
    from imtrans.infer.projection import Distance

SHOWN = 60
"""Frames of a film of the way."""


def project(
    model: Annotated[str, typer.Argument(help="A model with styles, such as stylegan2.", show_default=False)],
    source: Annotated[Path, typer.Option("--input", "-i", help="The picture.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the results [default: imtrans-output/NAME].")
    ] = None,
    weights: Weights = None,
    steps: Annotated[int, typer.Option(min=1, help="Of gradient descent.")] = 500,
    space: Annotated[str, typer.Option(help="w+ (a style a layer, closer) or w (one style, more typical).")] = "w+",
    loss: Annotated[str, typer.Option(help="pixels, or vgg (downloads 550 MB once, and sees more like people).")] = (
        "pixels"
    ),
    vgg: Annotated[Path | None, typer.Option("--vgg-weights", help="A file of VGG-16 with torchvision's keys.")] = None,
    label: Annotated[int | None, typer.Option("--class", help="Class of the picture, for conditional models.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise on the way.")] = 0,
    video: Annotated[
        str | None, typer.Option(help="A film of the way too: gif, or mp4 (needs the extra 'video').")
    ] = None,
    device: Device = "auto",
    backend: Backend = "auto",
    as_json: JsonLines = False,
    offline: Offline = False,
) -> None:
    """Find the latent from which MODEL draws a picture again, as nearly as it can.

    Writes target.png (the middle of the picture, in the model's size), projected.png and latent.safetensors, which
    'imtrans run MODEL --style-seed' takes as an input.

    For example:

        imtrans project stylegan2 --input face.jpg

        imtrans project stylegan2 --input face.jpg --loss vgg --steps 1000 --video gif --output face/
    """
    from imtrans import registry
    from imtrans.errors import UsageError
    from imtrans.infer.animation import SUFFIXES
    from imtrans.infer.plan import OUTPUT
    from imtrans.infer.task import check_task

    # What is quick to refuse is refused before torch is imported and weights are fetched.
    card = registry.find(model)
    check_task(card, "generate")
    if video is not None and video not in SUFFIXES:
        raise UsageError(f"there is no film called {video!r}.", have=f"There are {', '.join(SUFFIXES)}.")
    if loss not in ("pixels", "vgg"):
        raise UsageError(f"there is no loss called {loss!r}.", have="There are pixels and vgg.")
    if vgg is not None and loss != "vgg":
        raise UsageError(f"the loss {loss} looks at no VGG-16.", hint="Type --loss vgg, or leave --vgg-weights away.")

    from imtrans.data.picture import read_picture
    from imtrans.infer.generator import load_generator
    from imtrans.infer.mixing import check_mixable
    from imtrans.infer.projection import square

    picture = read_picture(source).image
    generator = load_generator(card, weights=weights, device=device, backend=backend, offline=offline)
    check_mixable(generator)
    target = square(picture, generator.size)
    folder = output or OUTPUT / source.stem
    settings = {"steps": steps, "space": space, "label": label, "seed": seed}
    _Projecting(generator, folder, video, as_json).run(target, distance_of(loss, vgg, offline), loss, settings)


def distance_of(loss: str, vgg: Path | None, offline: bool) -> Distance:
    """The distance of two pictures that ``--loss`` names."""
    from imtrans.infer.projection import pixel_distance

    if loss == "pixels":
        return pixel_distance
    from imtrans.errors import WeightsError
    from imtrans.train.losses.perceptual import Perception, PerceptualLoss

    layers = {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}
    try:
        seen = PerceptualLoss(Perception(content=layers, depth=16, distance="l1"), vgg, offline=offline)
    except WeightsError as error:
        way = "The option is --vgg-weights FILE; --loss pixels needs no network."
        raise WeightsError(error.what, have=error.have, hint=f"{error.hint} {way}".strip()) from error
    return lambda x, y: seen(x, y) + pixel_distance(x, y)


class _Projecting:
    """One projection, what is told of it, and its files."""

    def __init__(self, generator: Generator, folder: Path, video: str | None, as_json: bool) -> None:
        self.generator, self.folder, self.video, self.as_json = generator, folder, video, as_json

    def run(self, target: object, distance: Distance, loss: str, settings: dict[str, object]) -> None:
        """Project ``target``, an image of the generator's size, and write what came of it."""
        from imtrans.data.picture import write_picture
        from imtrans.infer.animation import require_pyav, write_animation
        from imtrans.infer.projection import project, save_latent

        # What cannot be written is told before minutes of work.
        if self.video == "mp4":
            require_pyav()
        write_picture(target, self.folder / "target.png")  # type: ignore[arg-type]
        steps, frames, last = int(settings["steps"]), [], None  # type: ignore[call-overload]  # an int, as typed
        for last in project(self.generator, target, distance, **settings):  # type: ignore[arg-type]
            self._tell(last.step, steps, last.distance)
            if self.video and (last.step == steps or last.step % max(1, steps // SHOWN) == 0):
                frames.append(self._picture(last.ws))
        assert last is not None
        about = {"loss": loss, "distance": last.distance, **settings}
        write_picture(self._picture(last.ws), self.folder / "projected.png")  # type: ignore[arg-type]
        names = ["target.png", "projected.png", "latent.safetensors"]
        save_latent(self.folder / names[2], last.ws, self.generator, about)
        if self.video:
            names.append(f"way.{self.video}")
            write_animation(frames, self.folder / names[3], fps=20)  # type: ignore[arg-type]
        self._end([str(self.folder / name) for name in names], last.distance)

    def _picture(self, ws: object) -> object:
        from imtrans.infer.generator import Drawing

        (batch,) = self.generator.pictures(Drawing(ws, None, (0,)))  # type: ignore[arg-type]
        return batch[0]

    def _tell(self, step: int, steps: int, distance: float) -> None:
        if self.as_json or step % max(1, steps // 10) == 0:
            self._say(f"step {step}/{steps}  distance {distance:.4f}", event="step", step=step, distance=distance)

    def _end(self, paths: list[str], distance: float) -> None:
        for path in paths:
            self._say(path, event="written", path=path)
        self._say(f"distance {distance:.4f}", event="end", distance=distance)

    def _say(self, text: str, **fields: object) -> None:
        from imtrans.cli.printing import print_line

        if self.as_json:
            import json

            print(json.dumps(fields), flush=True)
        else:
            print_line(text)
