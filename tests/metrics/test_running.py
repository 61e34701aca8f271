"""Files through translators into a measurement; bad ones are told and take no others along."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import FEATURES, folder, negative, photo, save
from torch import Tensor

from imtrans.errors import ImtransError
from imtrans.metrics.measure import Measurement, Tools
from imtrans.metrics.networks.features import FeatureNetwork
from imtrans.metrics.planning import plan_folders
from imtrans.metrics.running import Job, Networks, Options, run
from imtrans.metrics.scores import Score, chosen_metrics


def scores(measurement: Measurement) -> dict[str, Score]:
    return {score.metric: score for score in measurement.scores()}


def test_a_translator_on_pairs(tmp_path: Path) -> None:
    jobs = []
    for number in range(5):
        given = photo(number)
        files = {
            "input": save(tmp_path / f"i{number}.png", given),
            "target": save(tmp_path / f"t{number}.png", 255 - given),
        }
        jobs.append(Job(str(number), files))
    measurement = Measurement(Tools(chosen_metrics("l1")))
    told: list[str] = []
    failed = run(
        measurement,
        jobs,
        networks=Networks(negative),
        options=Options(batch_size=2),
        tell=lambda name, error: told.append(name),
    )
    assert failed == {}
    assert sorted(told) == ["0", "1", "2", "3", "4"]
    score = scores(measurement)["l1"]
    assert score.value == 0
    assert score.baseline is not None
    assert score.baseline > 0.2
    assert score.count == 5


def test_order_and_batches_do_not_show(tmp_path: Path) -> None:
    results = folder(tmp_path, "r", list(range(7)))
    targets = folder(tmp_path, "t", list(range(10, 17)))
    save(results / "3.png", photo(3, 12, 20))
    save(targets / "3.png", photo(13, 12, 20))
    plan = plan_folders(results, targets)
    found = []
    for size in (1, 3, 8):
        measurement = Measurement(Tools(chosen_metrics("psnr,kid"), features=FEATURES))
        assert run(measurement, plan.jobs, plan.targets, options=Options(batch_size=size)) == {}
        found.append([scores(measurement)[name].value for name in ("psnr", "kid")])
    assert found[1] == pytest.approx(found[0])
    assert found[2] == pytest.approx(found[0])


def test_hostile_folders(tmp_path: Path) -> None:
    results, targets = folder(tmp_path, "r", [1, 2, 3, 4]), folder(tmp_path, "t", [5, 6, 7, 8])
    (results / "1.png").write_bytes(b"\x89PNG nothing more")
    save(targets / "3.png", photo(7, 8, 8))
    plan = plan_folders(results, targets)
    measurement = Measurement(Tools(chosen_metrics("psnr,fid"), features=FEATURES))
    failed = run(measurement, plan.jobs)
    assert set(failed) == {"1", "3"}
    assert "1.png" in failed["1"]
    assert failed["3"] == "the result is 16 x 16 pixels and its target 8 x 8."
    assert [score.count for score in measurement.scores()] == [2, 2]
    again = Measurement(Tools(chosen_metrics("psnr")))
    assert set(run(again, plan.jobs, options=Options(size=8))) == {"1"}
    assert again.scores()[0].setting.startswith("8 x 8")


def test_one_picture_that_the_translator_refuses(tmp_path: Path) -> None:
    inputs = folder(tmp_path, "i", [1, 2, 3, 4])
    save(inputs / "2.png", photo(0) * 0)

    def picky(pictures: Tensor) -> Tensor:
        if (pictures.flatten(1).sum(1) == 0).any():
            raise ImtransError("the network gave values that are no numbers.")
        return pictures

    measurement = Measurement(Tools(chosen_metrics("kid"), features=FEATURES))
    jobs = [Job(path.stem, {"input": path}) for path in sorted(inputs.iterdir())]
    failed = run(measurement, jobs, jobs_as_targets(inputs), networks=Networks(picky), options=Options(batch_size=4))
    assert failed == {"2": "the network gave values that are no numbers."}
    assert (measurement.count, measurement.target_count) == (3, 4)


def jobs_as_targets(folder: Path) -> list[Job]:
    return [Job(f"{path.stem} (target)", {"target": path}) for path in sorted(folder.iterdir())]


def test_a_feature_network_that_cannot_work_ends_everything(tmp_path: Path) -> None:
    results = folder(tmp_path, "r", [1, 2])
    broken = FeatureNetwork(lambda pictures: pictures, "broken")
    measurement = Measurement(Tools(chosen_metrics("fid"), features=broken))
    with pytest.raises(ImtransError, match="the feature network broken gave"):
        run(measurement, jobs_as_targets(results))


def test_the_way_back(tmp_path: Path) -> None:
    inputs = folder(tmp_path, "i", [1, 2])
    jobs = [Job(path.stem, {"input": path}) for path in sorted(inputs.iterdir())]
    measurement = Measurement(Tools(chosen_metrics("cycle")))
    run(measurement, jobs, networks=Networks(negative, lambda x: 1 - x + 0.25), options=Options(baseline=False))
    assert measurement.scores()[0].value == pytest.approx(0.25, abs=1e-6)


def test_no_baseline_where_none_is_wanted(tmp_path: Path) -> None:
    inputs = folder(tmp_path, "i", [1, 2])
    jobs = [Job(path.stem, {"input": path, "target": path}) for path in sorted(inputs.iterdir())]
    measurement = Measurement(Tools(chosen_metrics("l1")))
    run(measurement, jobs, networks=Networks(torch.clone), options=Options(baseline=False))
    assert measurement.scores()[0].baseline is None
    assert measurement.scores()[0].value == 0
