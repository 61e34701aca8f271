"""``imtrans run`` for models that generate: pictures projected, and drawn again with other styles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from imtrans.card import Card
from imtrans.cli.printing import print_error, print_line
from imtrans.errors import ImtransError
from imtrans.infer.plan import OUTPUT, Job, collect, plan

if TYPE_CHECKING:
    from imtrans.infer.projection import Progress
    from imtrans.infer.restyle import Restyler


def restyle(
    card: Card,
    inputs: list[str],
    output: Path | None,
    *,
    style_seed: int,
    layers: str | None,
    label: int | None,
    steps: int,
    seed: int,
    weights: str | Path | None,
    device: str,
    backend: str,
    kind: str,
    quality: int,
    recursive: bool,
    skip_existing: bool,
    as_json: bool,
    offline: bool,
) -> bool:
    """Re-style pictures (or latents of ``imtrans project``); a bad one is reported and the rest goes on.

    Returns:
        Whether all went well.

    Raises:
        UsageError: nothing was found, or the model has no such layers or class.
    """
    sources = collect(inputs, recursive=recursive, leave_out=output or OUTPUT)
    jobs = [_named(job) for job in plan(sources, output, kind=kind)]
    if skip_existing:
        jobs = [job for job in jobs if not job.target.exists()]

    from imtrans.infer.generator import load_generator
    from imtrans.infer.mixing import check_mixable, finest, parse_layers
    from imtrans.infer.restyle import Restyler

    generator = load_generator(card, weights=weights, device=device, backend=backend, offline=offline)
    count = check_mixable(generator)
    # Unless others are named, the finest there are: they change colours, not shapes.
    chosen = parse_layers(finest(count) if layers is None else layers, count, "--layers")
    restyler = Restyler(generator, style_seed, chosen, label=label, steps=steps, noise_seed=seed)
    if not as_json:
        print_line(f"{generator.describe()}; layers {', '.join(map(str, chosen))} from seed {style_seed}")
    outcomes = [_one(restyler, job, quality, as_json) for job in jobs]
    return all(outcomes)


def _named(job: Job) -> Job:
    """A latent becomes a picture of its name."""
    latent = f"{job.source.name}.png"
    return Job(job.source, job.target.with_name(f"{job.source.stem}.png")) if job.target.name == latent else job


def _one(restyler: Restyler, job: Job, quality: int, as_json: bool) -> bool:
    from imtrans.data.picture import write_picture

    def tell(progress: Progress) -> None:
        step, steps = progress.step, restyler.steps
        if as_json:
            _print_json("step", job, step=step, distance=progress.distance)
        elif step % max(1, steps // 10) == 0:
            print_line(f"{job.source.name}: step {step}/{steps}  distance {progress.distance:.4f}")

    try:
        write_picture(restyler(job.source, tell), job.target, quality=quality)
    except ImtransError as error:
        if as_json:
            _print_json("failed", job, error=error.what)
        else:
            print_error(error)
        return False
    if as_json:
        _print_json("written", job, path=str(job.target))
    else:
        print_line(str(job.target))
    return True


def _print_json(event: str, job: Job, **fields: object) -> None:
    print(json.dumps({"event": event, "source": str(job.source), **fields}), flush=True)
