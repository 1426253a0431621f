from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gallery.attributes import Attribute, AttributeSpace
from gallery.pixels import Aligned
from retrieval.evaluation.baselines import cache
from retrieval.evaluation.baselines.classifier import Classifier, train_classifier
from retrieval.evaluation.baselines.training import TrainingBudget

Paint = Callable[..., Aligned]
TINY = TrainingBudget(steps=2, batch_size=4, trials=0)


def learn(
    part: Aligned,
    space: AttributeSpace,
    folder: Path | None,
    budget: TrainingBudget = TINY,
    seed: int = 0,
) -> tuple[Classifier, int]:
    """Return a classifier, and how many updates were made for it."""
    steps = train_classifier(
        part, space, budget=budget, seed=seed, device=torch.device("cpu"), cache=folder
    )
    count = 0
    while True:
        try:
            next(steps)
            count += 1
        except StopIteration as stop:
            return stop.value, count


def test_what_was_trained_once_is_taken_from_the_cache(
    paint: Paint, pose: AttributeSpace, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "cache"
    first, updates = learn(paint(), pose, folder)
    again, none = learn(paint(), pose, folder)
    assert (updates, none) == (2, 0)
    assert again.sha256 == first.sha256
    assert again.settings == first.settings
    pixels = paint().pixels
    assert (again.log_probabilities(pixels) == first.log_probabilities(pixels)).all()
    names = sorted(path.name for path in folder.iterdir())
    assert [Path(name).suffix for name in names] == [".json", ".safetensors"]
    assert all(name.startswith("classifier-") for name in names)


def test_without_a_folder_nothing_is_kept(paint: Paint, pose: AttributeSpace) -> None:
    assert [learn(paint(), pose, None)[1] for _ in range(2)] == [2, 2]


def test_other_images_attributes_settings_and_seeds_are_trained_for_themselves(
    paint: Paint, pose: AttributeSpace, tmp_path: Path
) -> None:
    part = paint()
    darker = replace(part, pixels=part.pixels // 2)
    fewer = AttributeSpace((Attribute("pose", ("-45", "0", "45", "90"), "degree"),))
    assert learn(part, pose, tmp_path)[1] == 2
    assert learn(darker, pose, tmp_path)[1] == 2
    assert learn(part, fewer, tmp_path)[1] == 2
    assert learn(part, pose, tmp_path, seed=1)[1] == 2
    assert learn(part, pose, tmp_path, budget=replace(TINY, batch_size=5))[1] == 2
    assert len(list(tmp_path.glob("*.json"))) == 5
    assert learn(part, pose, tmp_path)[1] == 0


def test_other_code_is_trained_for_itself(
    paint: Paint, pose: AttributeSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(cache.code_sha256()) == 64
    learn(paint(), pose, tmp_path)
    monkeypatch.setattr(cache, "code_sha256", lambda: "another")
    assert learn(paint(), pose, tmp_path)[1] == 2


@pytest.mark.parametrize("name", ["contrastive", "estimator"])
def test_code_that_rivals_share_with_the_generator_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache.code_sha256()
    module = getattr(cache, name)
    edited = tmp_path / f"{name}.py"
    edited.write_bytes(Path(module.__file__).read_bytes() + b"# edited\n")
    monkeypatch.setattr(module, "__file__", str(edited))
    assert cache.code_sha256() != before


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-8]),
        lambda path: path.write_bytes(path.read_bytes()[:-4] + b"\x00\x00\x80?"),
        lambda path: path.unlink(),
        lambda path: path.with_suffix(".json").write_text("{"),
        lambda path: path.with_suffix(".json").write_text("[]"),
        lambda path: path.with_suffix(".json").write_text('{"key": {}}'),
        lambda path: path.with_suffix(".json").unlink(),
    ],
    ids=["cut off", "one number", "no tensors", "half a card", "no card", "another card", "gone"],
)
def test_a_damaged_entry_is_trained_anew_and_mended(
    paint: Paint, pose: AttributeSpace, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    first, _ = learn(paint(), pose, tmp_path)
    [path] = tmp_path.glob("*.safetensors")
    damage(path)
    anew, updates = learn(paint(), pose, tmp_path)
    assert updates == 2
    assert anew.sha256 == first.sha256
    assert learn(paint(), pose, tmp_path)[1] == 0


def test_tensors_are_known_by_names_shapes_types_and_values() -> None:
    one = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    others = [
        {"a": torch.zeros(2, 3), "c": torch.ones(1)},
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3, dtype=torch.int32), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.full((1,), 2.0)},
    ]
    hashes = {cache.tensors_sha256(tensors) for tensors in (one, *others)}
    assert len(hashes) == 5
    assert cache.tensors_sha256(dict(reversed(one.items()))) == cache.tensors_sha256(one)
