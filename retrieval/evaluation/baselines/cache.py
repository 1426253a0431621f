"""Trained rivals on disk, known by what they were made from.

An entry is two files, METHOD-HASH.safetensors and METHOD-HASH.json; the second is written last and
holds the hash of the first's tensors. The hash in the name is that of the key: the images, the
attributes, the settings, the seed and the source code of this package and of what it shares with
the generator. An entry that is damaged, or does not fit, is trained anew and overwritten.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from gallery.attributes import AttributeSpace
from gallery.errors import WeightsError
from gallery.files import write_whole
from gallery.json_files import read, spell
from gallery.pixels import Aligned
from generator.checkpoint import load_tensors, save_tensors
from generator.networks import estimator
from generator.precision import settle
from generator.training import contrastive
from generator.training.held_out import data_sha256
from retrieval.evaluation.baselines.training import BaselinePlan, train
from retrieval.evaluation.records import BenchmarkProgress


@dataclass(frozen=True, slots=True)
class TrainedBaseline:
    """A rival's network and how it came about.

    Attributes:
        network: The network, on its device, ready to be asked.
        settings: Budget, seed, what was tuned and what it found; JSON.
        sha256: SHA-256 of its tensors.
    """

    network: nn.Module
    settings: dict[str, Any]
    sha256: str


def trained(
    part: Aligned, space: AttributeSpace, plan: BaselinePlan, cache: Path | None
) -> Generator[BenchmarkProgress, None, TrainedBaseline]:
    """Train a rival, or take it from the cache.

    Args:
        part: Images of the training people.
        space: Attributes that it knows.
        plan: How.
        cache: Folder of trained rivals, made if need be; None trains in any case.

    Raises:
        ConfigError: The training ran away.
        DatasetError: Nothing can be learnt from these images.
        OSError: The cache cannot be written.
    """
    plan = replace(plan, precision=settle(plan.precision, plan.device))
    key = {
        "method": plan.name,
        "data": data_sha256(part),
        "attributes": space.to_json(),
        "budget": asdict(plan.budget),
        "rate": plan.rate,
        "seed": plan.seed,
        "precision": plan.precision,
        "code": code_sha256(),
    }
    path = None if cache is None else cache / f"{plan.name}-{_hash(key)[:16]}.safetensors"
    kept = path and _kept(path, key, plan.task(part).build)
    if kept:
        return kept
    network, tuned = yield from train(part, plan)
    settings = {**key, "tuned": tuned.to_json()}
    result = TrainedBaseline(network, settings, tensors_sha256(network.state_dict()))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, network.state_dict(), {"format": "pt"})
        entry = {"key": key, "settings": settings, "sha256": result.sha256}
        write_whole(path.with_suffix(".json"), spell(entry, indent=1).encode())
    return result


def code_sha256() -> str:
    """Return a hash of the rivals' source: they are trained anew when it changes."""
    digest = hashlib.sha256()
    shared = [Path(str(module.__file__)) for module in (contrastive, estimator)]
    for path in [*sorted(Path(__file__).parent.glob("*.py")), *shared]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return a hash of names, shapes, types and values."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        array = np.ascontiguousarray(value.detach().cpu().numpy())
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _kept(
    path: Path, key: Mapping[str, Any], build: Callable[[], nn.Module]
) -> TrainedBaseline | None:
    """Return an entry, or None if there is none or it is damaged."""
    try:
        entry = read(path.with_suffix(".json"), WeightsError, "It is made again")
        tensors = load_tensors(path)[0]
        if entry["key"] != _plain(key) or entry["sha256"] != tensors_sha256(tensors):
            return None
        network = build()
        network.load_state_dict(tensors)
        return TrainedBaseline(network.eval(), dict(entry["settings"]), str(entry["sha256"]))
    except (OSError, WeightsError, KeyError, TypeError, ValueError, RuntimeError):
        return None


def _plain(key: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON is what it is
    return json.loads(spell(key))


def _hash(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
