"""``imtrans evaluate``: how good are these results, or this model, in numbers?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from imtrans.cli.options import Device, Recursive
from imtrans.cli.remarks import without_pillow_s_remarks
from imtrans.errors import UsageError

if TYPE_CHECKING:
    from imtrans.card import Card
    from imtrans.cli.evaluate_report import EvaluateReporter
    from imtrans.metrics.measure import Tools
    from imtrans.metrics.planning import Plan
    from imtrans.metrics.running import Networks, Options
    from imtrans.metrics.tools import ToolSettings


def evaluate(
    model: Annotated[str | None, typer.Argument(help="A model to try on --data.", show_default=False)] = None,
    results: Annotated[Path | None, typer.Option(help="Folder of results, instead of a model.")] = None,
    targets: Annotated[Path | None, typer.Option(help="Folder of real pictures to compare --results with.")] = None,
    inputs: Annotated[
        Path | None, typer.Option(help="Folder that --results were made from: gives the numbers of doing nothing.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with testA/ and testB/, for a model.")] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", "-w", help="Name of weights, or a file [default: the model's].")
    ] = None,
    direction: Annotated[str, typer.Option(help="a2b, b2a, or auto: what the weights say, else a2b.")] = "auto",
    back: Annotated[str | None, typer.Option(help="Weights of the other direction, for the metric cycle.")] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Of psnr, ssim, ms-ssim, l1, lpips, fid, kid, cycle, domain, with commas "
            "[default: psnr,ssim,l1 for pairs, kid,fid for sets]."
        ),
    ] = None,
    paired: Annotated[
        bool | None,
        typer.Option(
            "--paired/--sets", help="Whether pictures of one name belong together [default: told by the model]."
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Bring every picture to a square of this side first.")] = None,
    border: Annotated[int, typer.Option(min=0, help="Pixels that PSNR, SSIM and L1 leave out on every side.")] = 0,
    channel: Annotated[str, typer.Option(help="What these see: rgb, or y for luma.")] = "rgb",
    features: Annotated[
        str, typer.Option(help="Network of FID and KID: inception, a file of its weights, or MODULE:NAME.")
    ] = "inception",
    resize: Annotated[str, typer.Option(help="How pictures get to Inception's size: original or clean.")] = "original",
    lpips: Annotated[str, typer.Option(help="Network of LPIPS: alex or vgg.")] = "alex",
    lpips_weights: Annotated[Path | None, typer.Option(help="File of that network, if not downloaded.")] = None,
    split: Annotated[str, typer.Option(help="Pictures of --data: test or train.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pictures.")] = None,
    recursive: Recursive = False,
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="Of the model: auto, fp32, bf16 or fp16.")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures of one size that are computed together.")] = 8,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the JSON to this file.")] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Every picture's numbers in the JSON.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never download networks or weights.")] = False,
) -> None:
    """Measure results against real pictures, or a MODEL on held-out data.

    For example:

        imtrans evaluate --results out/ --targets real/

        imtrans evaluate --results out/ --targets real/ --inputs in/ --metrics psnr,ssim,lpips

        imtrans evaluate cyclegan --weights portrait2vintage --data portraits --metrics kid,domain

    Leaves with 0 when everything was measured, 1 when pictures or metrics failed, 2 when the command made no sense.
    """
    _check_choice(model, results, targets, inputs, data, weights, back)
    request = _Request(
        results, targets, inputs, data, weights, direction, back, paired, split, limit, recursive, device, precision,
        offline,
    )  # fmt: skip
    tool_options = {
        "features": features,
        "resize": resize,
        "lpips": lpips,
        "lpips_weights": lpips_weights,
        "border": border,
        "channel": channel,
    }
    from imtrans import registry

    card = registry.find(model) if model is not None else None
    if card is not None and card.task == "generate":
        raise UsageError(
            f"the model {card.name!r} generates pictures from random numbers; there is nothing to compare each with.",
            have="Two folders of pictures can be compared as sets.",
            hint=f"Type: imtrans generate {card.name} --seeds 0-999 --output out/; "
            "then imtrans evaluate --results out/ --targets REAL/ --metrics fid,kid",
        )

    from imtrans.cli.evaluate_report import EvaluateReporter
    from imtrans.metrics.running import Options

    reporter = EvaluateReporter(as_json, output, pictures)
    with without_pillow_s_remarks():
        try:
            subject = _folders(request, metrics) if card is None else _held_out(card, request, metrics)
            complete = _measure(subject, request, tool_options, Options(batch_size, size), reporter)
        finally:
            reporter.stop()
    if not complete:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Request:
    """What was typed, but for how to measure."""

    results: Path | None
    targets: Path | None
    inputs: Path | None
    data: Path | None
    weights: str | None
    direction: str
    back: str | None
    paired: bool | None
    split: str
    limit: int | None
    recursive: bool
    device: str
    precision: str
    offline: bool


@dataclass(frozen=True)
class _Subject:
    """What is measured."""

    plan: Plan
    metrics: str
    about: dict[str, Any]
    """For the report: folders, or model, weights and direction."""
    notes: tuple[str, ...] = ()
    card: Card | None = None
    direction: Literal["a2b", "b2a"] = "a2b"


def _check_choice(
    model: str | None,
    results: Path | None,
    targets: Path | None,
    inputs: Path | None,
    data: Path | None,
    weights: str | None,
    back: str | None,
) -> None:
    """One of the two ways in, and nothing of the other."""
    ways = "imtrans evaluate --results DIR --targets DIR, or imtrans evaluate MODEL --data DIR"
    if model is None and (results is None or targets is None):
        missing = "a model" if results is None and targets is None else "--targets" if targets is None else "--results"
        raise UsageError(f"{missing} is missing.", hint=f"Type {ways}")
    given = {"--data": data, "--weights": weights, "--back": back}
    other = {"--results": results, "--targets": targets, "--inputs": inputs}
    stray = [name for name, value in (given if model is None else other).items() if value is not None]
    if stray:
        what = "no model is named" if model is None else f"the model {model} makes the results"
        raise UsageError(f"{stray[0]} has nothing to say where {what}.", hint=f"Type {ways}")
    if model is not None and data is None:
        raise UsageError(
            "--data is missing.", hint=f"imtrans evaluate {model} --data DIR, with testA/ and testB/ in it"
        )


# --- folders ----------------------------------------------------------------------------------------------------------


def _folders(request: _Request, metrics: str | None) -> _Subject:
    from imtrans.metrics.planning import plan_folders
    from imtrans.metrics.scores import chosen_metrics
    from imtrans.metrics.tools import PAIRED, UNPAIRED

    assert request.results is not None
    assert request.targets is not None
    paired = request.paired
    if paired is None and metrics is not None:
        paired = any(metric.kind == "pairs" for metric in chosen_metrics(metrics))
    plan = plan_folders(
        request.results,
        request.targets,
        request.inputs,
        paired=paired,
        recursive=request.recursive,
        limit=request.limit,
    )
    about = {"results": str(request.results), "targets": str(request.targets)}
    if request.inputs is not None:
        about["inputs"] = str(request.inputs)
    return _Subject(plan, metrics or (PAIRED if plan.paired else UNPAIRED), about)


# --- a model ----------------------------------------------------------------------------------------------------------


def _held_out(card: Card, request: _Request, metrics: str | None) -> _Subject:
    from imtrans.metrics.planning import domains, plan_held_out
    from imtrans.metrics.tools import PAIRED, UNPAIRED

    assert request.data is not None
    if request.split not in ("test", "train"):
        raise UsageError(f"--split is test or train, not {request.split!r}.")
    said = _said_direction(card, request)
    direction = (said or "a2b") if request.direction == "auto" else request.direction
    domains(direction)  # refuses anything else
    notes = []
    if request.direction != "auto" and said not in (None, direction):
        notes.append(f"the weights say of themselves that they translate {said}, and are measured {direction}")
    elif request.direction == "auto" and said is None:
        notes.append("the weights do not say which way they translate: a2b is taken; --direction b2a is the other")
    paired = request.paired
    if paired is None and card.method is not None:
        paired = True if card.method.load().data in ("paired", "labels") else None
    plan = plan_held_out(request.data, direction, paired=paired, split=request.split, limit=request.limit)
    if plan.could_pair:
        notes.append("the names of both domains agree; if pictures of one name belong together, say --paired")
    about = {"model": card.name, "data": str(request.data), "split": request.split, "direction": direction}
    chosen = metrics or (PAIRED if plan.paired else UNPAIRED)
    return _Subject(plan, chosen, about, tuple(notes), card, cast(Literal["a2b", "b2a"], direction))


def _said_direction(card: Card, request: _Request) -> str | None:
    """What the weights say of themselves, where imtrans trained them."""
    import json

    from imtrans.weights.identity import KEY
    from imtrans.weights.reader import read
    from imtrans.weights.store import locate

    located = locate(card, request.weights, offline=request.offline)
    try:
        said = json.loads(read(located.path, located.network).metadata.get(KEY, "{}")).get("direction")
    except (ValueError, AttributeError):
        return None
    return said if said in ("a2b", "b2a") else None


# --- both -------------------------------------------------------------------------------------------------------------


def _measure(
    subject: _Subject, request: _Request, tool_options: dict[str, Any], options: Options, reporter: EvaluateReporter
) -> bool:
    """Load, measure, report; False when something could not be measured."""
    from imtrans.device import choose_device
    from imtrans.metrics.measure import Measurement
    from imtrans.metrics.running import run
    from imtrans.metrics.tools import ToolSettings

    settings = ToolSettings(metrics=subject.metrics, **tool_options)
    where = choose_device(request.device)
    tools = _tools(settings, subject, request, str(where), reporter)
    networks, about = _networks(subject, request, tools, reporter)
    measurement = Measurement(tools)
    reporter.start({**subject.about, **about}, subject.plan, subject.notes)
    failed = run(
        measurement, subject.plan.jobs, subject.plan.targets, networks=networks, options=options, tell=reporter.tell
    )
    reporter.end(measurement, failed)
    return not failed and all(score.value is not None for score in measurement.scores())


def _tools(
    settings: ToolSettings, subject: _Subject, request: _Request, device: str, reporter: EvaluateReporter
) -> Tools:
    from imtrans.metrics.planning import domains
    from imtrans.metrics.tools import make_tools

    return make_tools(
        settings,
        paired=subject.plan.paired,
        cycle=request.back is not None,
        data=request.data,
        target_domain=domains(subject.direction)[1],
        device=device,
        offline=request.offline,
        progress=reporter.download,
        report=reporter.judge,
    )


def _networks(
    subject: _Subject, request: _Request, tools: Tools, reporter: EvaluateReporter
) -> tuple[Networks, dict[str, Any]]:
    """The translators, and what the report says of them."""
    from imtrans.metrics.running import Networks

    if subject.card is None:
        return Networks(), {}
    from imtrans.infer.translator import load
    from imtrans.weights.digests import sha256_of
    from imtrans.weights.store import locate

    card = subject.card

    def loaded(weights: str | None) -> Any:
        return load(
            card,
            weights=weights,
            device=request.device,
            precision=request.precision,
            offline=request.offline,
            progress=reporter.download,
        )

    there = loaded(request.weights)
    back = loaded(request.back) if tools.names("cycle") else None
    about = {
        "weights": there.weights,
        "weights_sha256": sha256_of(locate(card, request.weights, offline=True).path),
        "device": str(there.device),
        "precision": there.precision,
    }
    if back is not None:
        about["back"] = back.weights
    return Networks(there.translate, back.translate if back is not None else None), about
