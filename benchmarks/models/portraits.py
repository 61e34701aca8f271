r"""Measure two CycleGAN generators between modern colour portraits (A) and historic ones (B).

    python benchmarks/models/portraits.py --data portraits --a2b portrait2vintage --b2a vintage2portrait \
        --cache classifiers --output benchmarks/results/portraits.json --grid grid.png --demos demos

The metrics are explained in docs/evaluation.md. Domain classifiers are trained on trainA/ and trainB/ when the cache
does not have them; everything that is reported is measured on testA/ and testB/.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for benchmarks/command_line.py

from command_line import tell
from portraits_pictures import contact_sheet, demo_grid, read_pictures, write_png

import imtrans
from imtrans.data.pixels import luma
from imtrans.metrics.checkerboard import lattice_ratio
from imtrans.metrics.cycle import cycle_l1
from imtrans.metrics.domain import ClassifierConfig, DomainClassifier, verdicts
from imtrans.metrics.judges import obtain_judges
from imtrans.registry import find
from imtrans.weights.store import locate

Translate = Callable[[Tensor], Tensor]
SEES = ("colour", "luminance")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write what was measured."""
    options = parse(arguments)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    return tell(run, options)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder that holds trainA/, trainB/, testA/ and testB/")
    add("--a2b", default="portrait2vintage", help="weights from A to B: a name or a file (default: %(default)s)")
    add("--b2a", default="vintage2portrait", help="weights from B to A: a name or a file (default: %(default)s)")
    add("--cache", type=Path, required=True, help="folder for the trained classifiers")
    add("--output", type=Path, help="JSON file to write; it is printed in any case")
    add("--grid", type=Path, help="PNG file for historic portraits and demos, which may be shown to anyone")
    add("--demos", type=Path, help="folder of photographs for the grid")
    add("--show", type=int, nargs="*", help="places of the historic portraits in the grid (default: eight, spread)")
    add("--sheets", type=Path, help="folder for sheets of all held-out pictures; modern portraits are not for show")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--precision", default="auto", help="auto, fp32, bf16 or fp16, of the generators")
    add("--threads", type=int, help="CPU threads")
    add("--batch-size", type=int, default=10, help="pictures a forward pass")
    add("--classifier-steps", type=int, default=1200, help="training steps of each classifier")
    add("--seed", type=int, default=0, help="of the classifiers")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, in order: read, train the classifiers, translate, measure, draw."""
    names, held_out = {}, {}
    for domain in ("A", "B"):
        names[domain], held_out[domain] = read_pictures(options.data, domain, "test")
    classifiers = obtain_classifiers(options)
    translators = {"a2b": load_translator(options, options.a2b), "b2a": load_translator(options, options.b2a)}
    a2b, b2a = (batched(translators[key], options.batch_size) for key in ("a2b", "b2a"))
    results = {
        "settings": settings(options, translators),
        "classifiers": {sees: accuracy(classifiers[sees], held_out, names) for sees in SEES},
        "a2b": direction(classifiers, held_out, names, ("A", "B"), a2b, b2a),
        "b2a": direction(classifiers, held_out, names, ("B", "A"), b2a, a2b),
        "trivial": {
            name: {
                "a2b": shares(classifiers, translate(held_out["A"]), "B"),
                "b2a": shares(classifiers, translate(held_out["B"]), "A"),
            }
            for name, translate in trivial_translators().items()
        },
    }
    draw(options, held_out, a2b, b2a)
    return results


# --- translators ----------------------------------------------------------------------------------------------------


def load_translator(options: argparse.Namespace, weights: str) -> Any:
    """The weights as a translator."""
    return imtrans.load("cyclegan", weights=weights, device=options.device, precision=options.precision)


def batched(translator: Any, size: int) -> Translate:
    """Pictures in, pictures out, a few at a time."""
    return lambda pictures: torch.cat([translator.translate(part).cpu() for part in pictures.split(size)])


def trivial_translators() -> dict[str, Translate]:
    """What a metric must not be fooled by."""
    return {"identity": lambda pictures: pictures, "grey": lambda pictures: luma(pictures).expand(-1, 3, -1, -1)}


# --- classifiers ----------------------------------------------------------------------------------------------------


def obtain_classifiers(options: argparse.Namespace) -> dict[str, DomainClassifier]:
    """One of what each sees, from the cache or newly trained."""
    configs = [ClassifierConfig(sees, steps=options.classifier_steps, seed=options.seed) for sees in SEES]
    return obtain_judges(options.data, configs, options.cache, _progress)


def _progress(sees: str, step: int, steps: int) -> None:
    print(f"classifier of {sees}: step {step} of {steps}", file=sys.stderr)


def accuracy(
    classifier: DomainClassifier, held_out: Mapping[str, Tensor], names: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """How a classifier does on real held-out pictures; below 0.95 its other verdicts would mean little."""
    b = {domain: verdicts(classifier, held_out[domain]) > 0.5 for domain in ("A", "B")}
    right = torch.cat([~b["A"], b["B"]]).float().mean().item()
    wrong = {"A": _chosen(names["A"], b["A"]), "B": _chosen(names["B"], ~b["B"])}
    return {"accuracy": round(right, 4), "wrong": wrong}


# --- measuring ------------------------------------------------------------------------------------------------------


def direction(
    classifiers: Mapping[str, DomainClassifier],
    held_out: Mapping[str, Tensor],
    names: Mapping[str, Sequence[str]],
    domains: tuple[str, str],
    there: Translate,
    back: Translate,
) -> dict[str, Any]:
    """All numbers of one direction."""
    source, target = domains
    translated = there(held_out[source])
    missed = {
        sees: _chosen(names[source], (verdicts(classifier, translated) > 0.5) != (target == "B"))
        for sees, classifier in classifiers.items()
    }
    return {
        "taken_for_target": shares(classifiers, translated, target),
        "missed": missed,
        "cycle_l1": round(cycle_l1(held_out[source], there, back).mean().item(), 4),
        "lattice": {
            f"period {period}": {
                "translated": _mean(lattice_ratio(translated, period)),
                "real": _mean(lattice_ratio(held_out[target], period)),
            }
            for period in (2, 4)
        },
    }


def shares(classifiers: Mapping[str, DomainClassifier], pictures: Tensor, domain: str) -> dict[str, float]:
    """The share of the pictures that each classifier takes for the domain."""
    taken = {
        sees: (verdicts(classifier, pictures) > 0.5) == (domain == "B") for sees, classifier in classifiers.items()
    }
    return {sees: _mean(hits.float()) for sees, hits in taken.items()}


def _chosen(names: Sequence[str], chosen: Tensor) -> list[str]:
    return [name for name, flag in zip(names, chosen.tolist(), strict=True) if flag]


def _mean(values: Tensor) -> float:
    return round(values.mean().item(), 4)


def settings(options: argparse.Namespace, translators: Mapping[str, Any]) -> dict[str, Any]:
    """What one has to know to get the same numbers. Paths are left out: they are different everywhere."""
    card = find("cyclegan")
    return {
        "command": f"python benchmarks/models/portraits.py --data {options.data.name} --a2b {Path(options.a2b).name} "
        f"--b2a {Path(options.b2a).name} --classifier-steps {options.classifier_steps} --seed {options.seed}",
        "weights": {
            key: {
                "name": Path(source).name,
                "sha256": hashlib.sha256(locate(card, source).path.read_bytes()).hexdigest(),
                "network": asdict(translators[key].config),
            }
            for key, source in (("a2b", options.a2b), ("b2a", options.b2a))
        },
        "versions": {"imtrans": imtrans.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": {key: f"{t.device} in {t.precision}, backend {t.backend}" for key, t in translators.items()},
    }


# --- pictures -------------------------------------------------------------------------------------------------------


def draw(options: argparse.Namespace, held_out: Mapping[str, Tensor], a2b: Translate, b2a: Translate) -> None:
    """Write the grid and the sheets that were asked for."""
    if options.grid:
        spread = torch.linspace(0, len(held_out["B"]) - 1, 8).round().int().tolist()
        historic = held_out["B"][options.show or spread]
        demos = [Image.open(path) for path in sorted(options.demos.glob("*"))] if options.demos else []
        write_png(demo_grid(historic, demos, a2b, b2a), options.grid)
    if options.sheets:
        for source, there, back in (("A", a2b, b2a), ("B", b2a, a2b)):
            translated = there(held_out[source])
            sheet = contact_sheet([held_out[source], translated, back(translated)])
            write_png(sheet, options.sheets / f"from-{source}.png")


if __name__ == "__main__":
    raise SystemExit(main())
