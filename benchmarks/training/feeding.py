"""Pictures for the benchmark, and how fast worker processes read them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timing import Timing
from workloads import Workload

from imtrans.data.augmentation import Augmentation
from imtrans.data.unpaired import DOMAINS, UnpairedFolders
from imtrans.train.feed import batches

PICTURES = 8
"""Generated in each domain."""
SIDE = 512
"""Of a generated picture, as photographs in data sets have it."""
BATCHES = 24
"""That are read to measure the feed alone, after those that the workers' start takes."""


def generate(root: Path) -> Path:
    """Write two folders of JPEG files, of clouds with some grain, and give ``root``."""
    random = np.random.default_rng(0)
    for domain in DOMAINS:
        folder = root / f"train{domain}"
        folder.mkdir(parents=True)
        for number in range(PICTURES):
            clouds = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            clouds = clouds.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            grain = random.normal(0, 8, (SIDE, SIDE, 3))
            pixels = np.clip(np.asarray(clouds) + grain, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:02d}.jpg", quality=90)
    return root


def read_as_authors_do(root: Path, size: int) -> UnpairedFolders:
    """The folders with the authors' augmentation: enlarged by 286/256, cropped at random, every second one mirrored.

    Raises:
        InputError: the folders are missing, or hold no pictures.
    """
    return UnpairedFolders(root, Augmentation(max(size, size * 286 // 256), size))


def time_feed(dataset: UnpairedFolders, workload: Workload, workers: int, device: torch.device) -> Timing:
    """Seconds that one batch takes when nothing else is done but reading them.

    Both domains of a batch are read. The first batches wait for the workers to start, and at the end workers run out of
    work one by one: neither counts.
    """
    ahead = 2 * workers + 1
    items = range(workload.batch * (ahead + BATCHES + ahead))
    feed = batches(dataset, items, workload.batch, workers, pin=device.type == "cuda")
    for _ in range(ahead):
        next(feed)
    taken = []
    for _ in range(BATCHES // 4):
        start = time.perf_counter()
        # Workers give batches in bursts, so single waits mean little.
        for _ in range(4):
            next(feed)
        taken.append((time.perf_counter() - start) / 4)
    return Timing.of(taken)
