r"""Try neighbour centralisation: each image's identity leans on those of its nearest images.

    identity' = normalise(identity + share * normalise(sum of max(cos, 0)^2 identity of N nearest))

Asked are CMU heads by what a fused collection stores of them, but for the drawing:
5 cos(identity of the source, identity') + log p(wished pose). With and without the source in the
gallery, whose own identity its neighbours otherwise hold. Source of the idea: Pose2ID, arXiv
2503.00938, 2025.

Example: python -m experiments.photographs.neighbours runs/cmu     (a collection of cmu-faces)
"""

import argparse
import sys
from pathlib import Path, PurePath

import numpy as np

from gallery.arrays import Doubles, Floats, normalise
from retrieval.collection.collection import Collection
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.terms import Layout

POSES = {"left": "-45", "straight": "0", "right": "45"}
IDENTITY, LOG_P = 5.0, 1.0  # as the card of pose-mindseye-60 weighs them among photographs
TRIED = ((5, 0.5), (5, 1.0), (12, 1.0))
SEED = 0
HEAD = """| conditions a person | source | neighbours | share | C1 R@1 | R@5 | C2 R@1 | R@5 |
|---|---|---|---|---:|---:|---:|---:|
"""


class Heads:
    """Heads of a collection: who, which pose, what else; and what is stored of them."""

    def __init__(self, who: list[str], pose: list[str], rest: list[str]) -> None:
        self.who, self.pose, self.rest = np.array(who), np.array(pose), np.array(rest)
        self.identities: Floats = np.empty((0, 0), np.float32)
        self.log_p: dict[str, Floats] = {}

    @classmethod
    def read(cls, root: Path) -> "Heads":
        """Read what a fused collection of `cmu-faces` stores; "up" is no yaw."""
        collection = Collection.open(root)
        name = collection.space_names()[0]
        space = collection.catalogue.spaces.get(name)
        contract = collection.contract(space)
        folder = collection.space_dir(name) / "embeddings"
        files = sorted(one for one in folder.glob("*.npy") if ".ids" not in one.name)
        rows = np.concatenate([np.load(one) for one in files])
        ids = np.concatenate([np.load(one.with_suffix(".ids.npy")) for one in files])
        known = collection.catalogue.images.paths_of(ids.tolist())
        said = [PurePath(known[one][0]).stem.split("_") for one in ids.tolist()]
        kept = [place for place, one in enumerate(said) if one[1] in POSES]
        heads = cls(
            [said[place][0] for place in kept],
            [POSES[said[place][1]] for place in kept],
            ["_".join(said[place][2:]) for place in kept],
        )
        parts = Layout.of_contract(contract).parts
        values = [value for _, known in contract.attribute_space for value in known]
        stored = CLIP * rows[kept][:, parts["log_p"]]
        heads.identities = rows[kept][:, parts["identity"]]
        heads.log_p = {value: stored[:, values.index(value)] for value in POSES.values()}
        return heads

    def some(self, conditions: int) -> "Heads":
        """Return heads of so many conditions (expression, eyes) of each person, in all poses."""
        draw, kept = np.random.default_rng(SEED), []
        for person in np.unique(self.who):
            mine = np.flatnonzero(self.who == person)
            chosen = draw.permutation(np.unique(self.rest[mine]))[:conditions]
            kept += [one for one in mine.tolist() if self.rest[one] in chosen]
        found = Heads([], [], [])
        found.who, found.pose, found.rest = self.who[kept], self.pose[kept], self.rest[kept]
        found.identities = self.identities[kept]
        found.log_p = {value: part[kept] for value, part in self.log_p.items()}
        return found


def centralised(identities: Floats, count: int, share: float, without: int | None) -> Floats:
    """Return identities that lean on their neighbours, (N, w); one image may be no neighbour."""
    alike = np.square(np.maximum(identities @ identities.T, 0))
    np.fill_diagonal(alike, 0)
    if without is not None:
        alike[:, without] = 0
    least = -np.partition(-alike, count, axis=1)[:, count : count + 1]
    near = np.where(alike > least, alike, 0) @ identities
    return normalise(identities + np.float32(share) * normalise(near + 1e-9 * identities))


def rates(heads: Heads, count: int, share: float, *, excluded: bool) -> Doubles:
    """Return C1 R@1, C1 R@5, C2 R@1, C2 R@5 in percent, (4,)."""
    hits: list[list[bool]] = [[], [], [], []]
    shared = centralised(heads.identities, count, share, None) if count else heads.identities
    for source in range(len(heads.who)):
        leant = shared
        if count and excluded:
            leant = centralised(heads.identities, count, share, source)
        for value in sorted(set(POSES.values()) - {heads.pose[source]}):
            score = IDENTITY * leant @ heads.identities[source] + LOG_P * heads.log_p[value]
            if excluded:
                score[source] = -np.inf
            first = np.argsort(-score, kind="stable")[:5]
            right = (heads.who == heads.who[source]) & (heads.pose == value)
            for place, one in enumerate((right, right & (heads.rest == heads.rest[source]))):
                if one.any():
                    hits[2 * place].append(bool(one[first[0]]))
                    hits[2 * place + 1].append(bool(one[first].any()))
    return np.array([100 * np.mean(part) for part in hits])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    everybody = Heads.read(parser.parse_args().collection)
    sys.stdout.write(HEAD)
    for conditions in (2, 8):
        heads = everybody.some(conditions)
        for excluded in (False, True):
            for count, share in ((0, 0.0), *TRIED):
                found = rates(heads, count, share, excluded=excluded)
                cells = " | ".join(f"{one:.1f}" for one in found)
                there = "left out" if excluded else "in the gallery"
                sys.stdout.write(f"| {conditions} | {there} | {count} | {share} | {cells} |\n")


if __name__ == "__main__":
    main()
