"""``imtrans convert``: any checkpoint as one safetensors file that says of itself what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A checkpoint, FILE#NETWORK, a training run, or a name of weights.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write [default: FILE.safetensors, beside it]."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The model that it is of, where several fit.", show_default=False),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", "--direction", help="Which of several networks, such as netG_A or a2b.", show_default=False
        ),
    ] = None,
    channels: Annotated[
        str,
        typer.Option(help="What a network of mmagic takes: bgr, as mmagic runs it (also auto), or rgb."),
    ] = "auto",
    licence: Annotated[
        str | None, typer.Option(help="The terms of the weights, where the file states none.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Write a checkpoint of any known layout as safetensors with a manifest, under the keys of the model's authors.

    The manifest in the file's metadata says family, configuration, value range, mode of the norms, licence, and the
    sha256 of the source. 'imtrans run --weights' takes the file without a model's name.

    For example:

        imtrans convert latest_net_G.pth --model cyclegan

        imtrans convert epoch_200_weight.pdparams --network netG_A --model cyclegan --output horse2zebra.safetensors

        imtrans run --weights horse2zebra.safetensors --input horse.jpg
    """
    from imtrans.cli.printing import print_json, print_line
    from imtrans.weights import converting

    done = converting.convert(
        file,
        output,
        model=model,
        network=network,
        channels=channels,  # type: ignore[arg-type]  # any word is refused in words
        licence=licence,
        force=force,
    )
    if as_json:
        print_json({"path": str(done.path), "bytes": done.size, **done.manifest})
        return
    for note in done.notes:
        print_line(f"note: {note}")
    source = done.manifest["source"]
    print_line(f"{done.path}: {done.model}, {done.size / 1e6:.1f} MB, from {source['file']} ({source['project']})")
    print_line(f"licence: {done.manifest['licence']}")
