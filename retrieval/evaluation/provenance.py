"""All that is needed to measure again: command, hashes, versions, machine."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from gallery.pixels import Aligned
from generator.card import Card
from generator.training.held_out import data_sha256
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import Provenance

PACKAGES = ("gallery", "generator", "index", "retrieval")


def describe_run(
    spec: str,
    protocol: Protocol,
    command: str,
    parts: Sequence[tuple[Card, Aligned]],
    seconds: Mapping[str, float],
) -> Provenance:
    """Say how something was measured.

    Args:
        spec: What was searched.
        protocol: How.
        command: The command, as it can be typed.
        parts: Weights and gallery of each fold.
        seconds: By phase.
    """
    galleries = "".join(data_sha256(aligned) for _, aligned in parts)
    return Provenance(
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        spec=spec,
        protocol=protocol.to_json(),
        hashes={
            "data": hashlib.sha256(galleries.encode()).hexdigest(),
            "protocol": hashlib.sha256(
                json.dumps(protocol.to_json(), sort_keys=True).encode()
            ).hexdigest(),
            "code": code_sha256(),
            **{f"weights {card.name}": card.sha256 for card, _ in parts},
        },
        versions={
            "mindseye": version("mindseye"),
            "Python": platform.python_version(),
            "NumPy": version("numpy"),
            "torch": version("torch"),
        },
        machine=describe_machine(),
        seconds=dict(seconds),
    )


def code_sha256() -> str:
    """Return a hash of the program's source files."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def describe_machine() -> str:
    """Name processor, cores and accelerator."""
    words = [platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    if torch.cuda.is_available():
        words.append(torch.cuda.get_device_name())
    return ", ".join(words)
