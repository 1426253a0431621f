"""From a network of torch to one of OpenVINO: converted once, compared with torch, and timed.

What is drawn and embedded must agree: the cosine of all features, the drawings in grey levels, log
p, and which of several wishes comes closest to an image. What does not is not run. What a query
asks, one estimate and two drawings of one image, is timed with both; so is what a new process waits
for before it asks: importing torch takes longer than any drawing.

Shapes: N images, K wishes of each, R drawings, S side, C channels, A length of the one-hot code, D
length of the flat features.
"""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from generator.card import Card
from generator.checkpoint import load_weights
from generator.drawer import Drawer
from generator.engine import Engine
from generator.networks.prepared import Redrawer
from generator.openvino.engine import DRAWING, ESTIMATOR, OPENVINO, OpenVinoEngine
from generator.openvino.kept import Kept, keep
from generator.openvino.library import Compiled, compiled, openvino

CPU = torch.device("cpu")
COSINE = 0.9999  # of the features of every drawing, at least
GREY = 0.05  # grey levels that a pixel may differ by
LOG_P = 1e-3  # that log p may differ by
EQUAL = 1e-3  # squared grey levels by which the best two wishes may differ and be either
TRIED = 4  # images that are compared
ROUNDS = 5


def export(path: Path, place: Path) -> Kept:
    """Convert weights, compare and time them, and keep what comes out.

    Args:
        path: The .safetensors file.
        place: Where it is kept; see `kept.place_of`.

    Raises:
        WeightsError: The weights are missing or damaged.
        OSError: Nothing can be written there.
    """
    network, card = load_weights(path)
    if network.fuses:
        return keep(place, {}, {}, "these weights draw from several images, which torch alone does")
    statistics = torch.tensor(card.mean), torch.tensor(card.deviation)
    form = network.fast(*statistics, torch.float32).eval()
    try:
        networks = _converted(form, card)
    except Exception as error:  # noqa: BLE001  whatever a converter meets: torch draws then
        return keep(place, {}, {}, f"OpenVINO does not convert them ({type(error).__name__})")
    made = OpenVinoEngine(
        card, networks[DRAWING], networks.get(ESTIMATOR), refines=network.TWO_STAGES
    )
    with _one_thread():
        said = _compared(Engine(load_weights(path)[0], card, CPU, keep=False), made)
        fast = Engine.open(path, CPU)
        said["torch"] = {"version": torch.__version__, "precision": fast.precision}
        images = _images(card, 1)
        said["ms"] = {"openvino": _question_ms(made, images), "torch": _question_ms(fast, images)}
    said["import_ms"] = {"openvino": _import_ms(OPENVINO), "torch": _import_ms("torch")}
    said["weights"] = card.name
    return keep(place, networks, said, _why_not(said))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute in one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _compared(exact: Engine, made: Drawer) -> dict[str, Any]:
    """Say what a drawer must know of the weights, and how well the other one agrees with it."""
    return {
        "estimates": exact.estimates,
        "refines": exact.refines,
        "dimension": exact.dimension,
        "agreement": _agreement(exact, made, _images(exact.card, TRIED)),
    }


def _why_not(said: dict[str, Any]) -> str:
    """Say why what was made is not to be run; empty if it may be."""
    told = said["agreement"]
    agrees = (
        told["cosine"] >= COSINE
        and told["grey_levels"] <= GREY
        and told["log_p"] <= LOG_P
        and told["choices"]
    )
    return "" if agrees else f"it does not agree with torch: {told}"


class _RowDrawer(nn.Module):
    """Drawings of some wishes of some images, laid out as NumPy's."""

    def __init__(self, form: Redrawer) -> None:
        super().__init__()
        self.form = form

    def forward(self, pixels: Tensor, codes: Tensor, of: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, S, S, C), (R, A), (R,) -> drawings of both stages (R, S, S, C), features (R, D)."""
        drawn = self.form.rows(pixels.permute(0, 3, 1, 2).float(), codes, of)
        first, refined = (maps.permute(0, 2, 3, 1) for maps in (drawn.first, drawn.refined))
        return first, refined, drawn.features.flatten(1)


class _Estimate(nn.Module):
    """The estimator's logits of images that are laid out as NumPy's."""

    def __init__(self, form: Redrawer) -> None:
        super().__init__()
        self.form = form

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, S, S, C) -> (N, A)."""
        return self.form.estimate(pixels.permute(0, 3, 1, 2).float())


def _converted(form: Redrawer, card: Card) -> dict[str, Compiled]:
    pixels = torch.from_numpy(_images(card, 2))
    codes = torch.eye(card.space.size)[[0, 1 % card.space.size, 0]]
    of = torch.tensor([0, 0, 1])
    networks = {DRAWING: _convert(_RowDrawer(form), (pixels, codes, of))}
    if form.estimator is not None:
        networks[ESTIMATOR] = _convert(_Estimate(form), (pixels,))
    return networks


def _convert(network: nn.Module, inputs: Sequence[Tensor]) -> Compiled:
    """Convert a network whose inputs may have any length, by OpenVINO's front end for torch.

    What torch.jit traces is converted: torch.export takes fifty times as long.
    """
    library = openvino()
    from openvino.frontend import FrontEndManager  # noqa: PLC0415  an extra
    from openvino.frontend.pytorch.ts_decoder import (  # noqa: PLC0415  an extra
        TorchScriptPythonDecoder,
    )

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of tracing; what comes out is compared
        traced = torch.jit.freeze(torch.jit.trace(network.eval(), tuple(inputs), check_trace=False))
        front_end = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)  # which has to live until all is converted
        model = front_end.convert(front_end.load(decoder))
    for parameter, given in zip(model.inputs, inputs, strict=True):
        node, array = parameter.get_node(), given.numpy()
        node.set_element_type(library.Type(array.dtype))
        node.set_partial_shape(library.PartialShape([-1, *array.shape[1:]]))
    model.validate_nodes_and_infer_types()
    return compiled(model)


def _images(card: Card, count: int) -> Pixels:
    """Return images to compare by: smooth, and of all grey levels; always the same."""
    rng, aligner = np.random.default_rng(0), card.aligner
    coarse = rng.uniform(0, 255, (count, 6, 6, aligner.channels))
    places = np.linspace(0, 5, aligner.size)
    low, share = np.minimum(places.astype(int), 4), (places % 1)[:, None, None]
    share = np.where((places >= 5)[:, None, None], 1.0, share)
    across = coarse[:, low] * (1 - share) + coarse[:, low + 1] * share
    along = np.swapaxes(across, 1, 2)
    smooth = np.swapaxes(along[:, low] * (1 - share) + along[:, low + 1] * share, 1, 2)
    return smooth.round().astype(np.uint8)


def _agreement(exact: Drawer, made: Drawer, images: Pixels) -> dict[str, Any]:
    """Compare all values' drawings of some images, (N, S, S, C)."""
    codes = np.broadcast_to(_codes(exact.card), (len(images), *_codes(exact.card).shape))
    each = [
        [one.draw(images, codes[:, wish]) for wish in range(codes.shape[1])]
        for one in (exact, made)
    ]
    pairs = list(zip(*each, strict=True))
    cosines = [(normalise(a.features) * normalise(b.features)).sum(axis=1) for a, b in pairs]
    errors = [np.square(a.refined - images).mean(axis=(1, 2, 3)) for a, _ in pairs]  # K of (N,)
    choice, other = exact.closest(images, codes).choice, made.closest(images, codes).choice
    told = np.stack(errors, axis=1)
    rows = np.arange(len(images))
    log_p = 0.0
    if exact.estimates:
        log_p = float(
            np.abs(exact.log_probabilities(images) - made.log_probabilities(images)).max()
        )
    return {
        "cosine": float(np.min(cosines)),
        "grey_levels": float(
            max(
                np.abs(getattr(a, stage) - getattr(b, stage)).max()
                for a, b in pairs
                for stage in ("first", "refined")
            )
        ),
        "log_p": log_p,
        "choices": bool(np.all(np.abs(told[rows, choice] - told[rows, other]) <= EQUAL)),
    }


def _codes(card: Card) -> Floats:
    """Return codes of every value of the first attribute, the others at their first, (K, A)."""
    space = card.space
    first = {a.name: a.values[0] for a in space.attributes}
    tried = [{**first, space.attributes[0].name: v} for v in space.attributes[0].values]
    return np.stack([space.one_hot(space.check(one)) for one in tried]).astype(np.float32)


def _question_ms(drawer: Drawer, images: Pixels) -> float:
    """Return the processor time of what a query asks, milliseconds: the best of some rounds."""
    code = _codes(drawer.card)[:1]

    def ask() -> None:
        if drawer.estimates:
            drawer.log_probabilities(images[:1])
        for _ in range(2):
            drawer.draw(images[:1], code)

    return round(1e3 * min(_took(ask) for _ in range(ROUNDS)), 2)


def _import_ms(library: str) -> float:
    """Return the processor time that a new process imports a library in, milliseconds."""
    wanted = f"from generator.openvino.library import {OPENVINO}; {OPENVINO}()"
    code = wanted if library == OPENVINO else f"import {library}"
    timed = f"import time; {code}; print(time.process_time())"
    path = os.pathsep.join(sys.path)  # where this program is, however it was started
    done = subprocess.run(  # noqa: S603  ourselves
        [sys.executable, "-c", timed],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    return round(1e3 * float(done.stdout), 2) if done.returncode == 0 else 0.0


def _took(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
