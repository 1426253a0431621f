"""Lessons of a student: what its teacher makes of images, computed once and kept as arrays.

Of every image the teacher draws two wishes: its canonical view, by the rule of the weights, and the
values of another image, its partner, that shows the same person and else the same. The second one
is what a search draws to find the partner, so a student can learn to be found by it.

Some images are worn out first, all of a person alike: gray, blurred, in other light, cut a little
otherwise. A few are cut badly, so that a student learns which images a teacher cannot redraw.

A folder of lessons holds blocks of whole groups, one .safetensors file each; a block that is there
is not computed again.

Shapes: N images, S side, C channels, A length of the one-hot code, D numbers of an embedding.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, ImageError, WeightsError
from gallery.faces import Face, FaceSet
from gallery.files import write_whole
from gallery.json_files import spell
from gallery.pixels import cut
from generator.canonical import Rule, redraw
from generator.checkpoint import load_tensors, save_tensors
from generator.engine import Engine
from generator.networks.estimator import labels_of
from generator.training.augment import Augmentation, jitter, jitter_together
from generator.values import split_scores

BLOCK = 512  # images of a file, about
WORN = 0.5  # share of groups that are worn out
BAD = 0.04  # share of images that are cut badly
WEAR = Augmentation(gain=0.2, offset=12, gray=0.5, shade=0.1, gamma=0.2, blur=0.025)
MISCUT = Augmentation(shift=0.2, zoom=0.4, gray=0.0)
DOUBT = 0.05  # of the chosen values, where the teacher has no estimator


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a teacher makes of N images.

    Attributes:
        pixels: The images as they were looked at, 0..255, uint8, (N, S, S, C).
        person: Number of the person of each, rising from 0, (N,).
        group: Number of the group of each: the same person, else the same, (N,).
        partner: Position of the image that the second drawing searches, -1 for none, (N,).
        own_codes: One-hot codes of the canonical views, (N, A).
        own: Their embeddings, unit length, (N, D).
        asked_codes: Codes of the second drawings, (N, A).
        asked: Their embeddings, likewise.
        log_p: log p(value | image), (N, A).
        errors: Mean squared distance of the canonical view to its image, (N,).
    """

    pixels: Tensor
    person: Tensor
    group: Tensor
    partner: Tensor
    own_codes: Tensor
    own: Tensor
    asked_codes: Tensor
    asked: Tensor
    log_p: Tensor
    errors: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def digest(self) -> str:
        """Return a hash of all images, who is shown, and what is asked of whom."""
        found = hashlib.sha256()
        for part in (self.pixels, self.person, self.partner, self.asked_codes):
            found.update(part.contiguous().numpy().data)
        return found.hexdigest()

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Self:
        """Read folders of lessons, one behind the other.

        Raises:
            WeightsError: A file is damaged, or there is none.
        """
        paths = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
        if not paths:
            raise WeightsError(f"There are no lessons in {', '.join(map(str, folders))}")
        blocks = [load_tensors(path)[0] for path in paths]
        starts = np.cumsum([0, *(len(block["pixels"]) for block in blocks)]).tolist()
        for name in ("person", "group"):
            first = 0
            for block in blocks:
                block[name] = block[name] + first
                first = int(block[name].max()) + 1
        for block, start in zip(blocks, starts, strict=False):
            block["partner"] = torch.where(block["partner"] < 0, -1, block["partner"] + start)
        try:
            return cls(**{f.name: torch.cat([b[f.name] for b in blocks]) for f in fields(cls)})
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"The lessons in {folders[0]} are damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class LessonStep:
    """How far a teacher is, in images."""

    done: int
    total: int


def teach(engine: Engine, faces: FaceSet, folder: Path, seed: int = 0) -> Iterator[LessonStep]:
    """Let a teacher look at images, and keep what it makes of them.

    Args:
        engine: The teacher.
        faces: The images. Labels say which show the same person; without them images have no
            partner.
        folder: Where to; made. What is there already is kept.
        seed: Of what images are worn out by, and who is whose partner.

    Yields:
        Progress after each block.

    Raises:
        ConfigError: The folder holds lessons of other images, labels or landmarks, or by other
            weights.
    """
    space = engine.card.space
    blocks = _blocks(faces.faces, space)
    total = len(faces)
    _require_same(folder, engine, faces, seed)
    done = 0
    for number, block in enumerate(blocks):
        path = folder / f"{number:05}.safetensors"
        if not path.is_file():
            made = _taught(engine, faces, block, np.random.default_rng([seed, number]))
            if made:
                save_tensors(path, made, {})
        done += sum(map(len, block))
        yield LessonStep(done, total)


def _require_same(folder: Path, engine: Engine, faces: FaceSet, seed: int) -> None:
    """Write down what is taught by whom, or compare it with what was written."""
    told = spell({"weights": engine.card.sha256, "images": _images_of(faces), "seed": seed})
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "lessons.json"
    if not note.is_file():
        write_whole(note, told.encode())
    elif note.read_text("utf-8") != told:
        raise ConfigError(
            f"{folder} holds lessons of other images, labels or landmarks, or by other weights;"
            " delete it, or name another --out"
        )


def _images_of(faces: FaceSet) -> str:
    """Return a hash of what lessons depend on: images, what they show, where faces are."""
    told = hashlib.sha256()
    for face in faces.faces:
        where = None if face.landmarks is None else str(face.landmarks)
        shown = sorted(face.condition.items())
        told.update(spell([face.name, face.identity, shown, where]).encode())
    return told.hexdigest()


def _blocks(faces: Sequence[Face], space: AttributeSpace) -> list[list[list[int]]]:
    """Gather images into groups, and whole people into blocks of about BLOCK images."""
    people: dict[object, dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, face in enumerate(faces):
        who = face.identity if face.identity is not None else at
        people[who][face.condition.without(space.names)].append(at)
    blocks: list[list[list[int]]] = []
    filled = BLOCK
    for groups in people.values():
        if filled >= BLOCK:
            blocks.append([])
            filled = 0
        blocks[-1] += groups.values()
        filled += sum(map(len, groups.values()))
    return blocks


def _taught(
    engine: Engine, faces: FaceSet, block: Sequence[Sequence[int]], random: np.random.Generator
) -> dict[str, Tensor]:
    """Compute the lessons of a block; empty where no image of it can be used."""
    space = engine.card.space
    kept: list[Face] = []
    cuts: list[Pixels] = []
    groups: list[int] = []
    partners: list[int] = []
    for number, group in enumerate(block):
        images, whose = _cut(engine, faces, group)
        if images:
            partners += _partners(labels_of(whose, space), len(kept), random)
            cuts.append(_worn(np.stack(images), random))
            kept += whose
            groups += [number] * len(whose)
    if not kept:
        return {}
    pixels, partner = np.concatenate(cuts), np.array(partners)
    bad = random.random(len(kept)) < BAD
    pixels[bad] = _miscut(pixels[bad], random)
    partner[bad] = -1
    partner[np.isin(partner, np.flatnonzero(bad))] = -1
    return {
        "pixels": torch.from_numpy(pixels),
        "person": torch.from_numpy(_numbers(kept)),
        "group": torch.tensor(groups),
        "partner": torch.from_numpy(partner),
        **_views(engine, pixels, _codes_of(kept, partner, space, random)),
    }


def _views(engine: Engine, pixels: Pixels, asked_codes: Floats) -> dict[str, Tensor]:
    """Draw what is asked for, and the canonical views."""
    space = engine.card.space
    log_p = engine.log_probabilities(pixels) if engine.estimates else None
    own = redraw(engine, pixels, Rule.of(engine.card), log_p)
    own_codes = np.stack([space.one_hot(condition) for condition in own.conditions])
    if log_p is None:
        log_p = _doubted(own_codes, space)
    asked = engine.draw(pixels, asked_codes)
    return {
        "own_codes": torch.from_numpy(own_codes),
        "own": torch.from_numpy(normalise(own.drawn.features)).half(),
        "asked_codes": torch.from_numpy(asked_codes),
        "asked": torch.from_numpy(normalise(asked.features)).half(),
        "log_p": torch.from_numpy(log_p),
        "errors": torch.from_numpy(own.errors),
    }


def _cut(engine: Engine, faces: FaceSet, group: Sequence[int]) -> tuple[list[Pixels], list[Face]]:
    """Cut out the faces of a group that can be used."""
    images, kept = [], []
    for at in group:
        try:
            images.append(cut(faces, faces.faces[at], engine.card.aligner))
        except ImageError:
            continue
        kept.append(faces.faces[at])
    return images, kept


def _partners(labels: NDArray[np.int64], first: int, random: np.random.Generator) -> list[int]:
    """Give each image of a group another one that shows other values, (n, T) -> n.

    Everybody is the partner of one image at most.
    """
    count = len(labels)
    turn = int(random.integers(1, count)) if count > 1 else 0
    others = (np.arange(count) + turn) % count
    shown = labels[others]
    fits = (shown >= 0).all(axis=1) & (labels != shown).any(axis=1)
    return [int(first + other) if fit else -1 for other, fit in zip(others, fits, strict=True)]


def _codes_of(
    kept: Sequence[Face],
    partner: NDArray[np.int64],
    space: AttributeSpace,
    random: np.random.Generator,
) -> Floats:
    """Return the codes of the partners' values; of images without a partner, of any values."""
    codes = []
    for other in partner.tolist():
        if other >= 0:
            codes.append(space.one_hot(kept[other].condition.only(space.names)))
        else:
            code = [np.eye(len(a.values))[random.integers(len(a.values))] for a in space.attributes]
            codes.append(np.concatenate(code).astype(np.float32))
    return np.stack(codes)


def _worn(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Wear a group out, now and then, (n, S, S, C)."""
    if random.random() >= WORN:
        return pixels
    levels = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    return _bytes(jitter_together(levels, random, WEAR)[1])


def _miscut(pixels: Pixels, random: np.random.Generator) -> Pixels:
    if not len(pixels):
        return pixels
    levels = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    return _bytes(jitter([levels], random, MISCUT)[0])


def _bytes(levels: Tensor) -> Pixels:
    whole: Pixels = levels.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return whole


def _numbers(faces: Sequence[Face]) -> NDArray[np.int64]:
    """Number people in the order in which they first appear; who has no name is somebody else."""
    people = [face.name if face.identity is None else (face.identity,) for face in faces]
    known = {who: number for number, who in enumerate(dict.fromkeys(people))}
    return np.array([known[who] for who in people], dtype=np.int64)


def _doubted(codes: Floats, space: AttributeSpace) -> Floats:
    """Return log p of values that are chosen, but for a doubt, (N, A) -> (N, A)."""
    shares = [(1 - DOUBT) * part + DOUBT / part.shape[1] for part in split_scores(codes, space)]
    logarithms: Floats = np.log(np.concatenate(shares, axis=1)).astype(np.float32)
    return logarithms
