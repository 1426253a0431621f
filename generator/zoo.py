"""Weights that ship: made small, listed, and chosen for a gallery and a wish.

They lie in `generator/weights/`, NAME.safetensors beside its card NAME.json, and are made by
`experiments/weights/run.sh`: half precision, the branch of a single attribute as a table.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import UserError, WeightsError, did_you_mean
from generator.card import Card
from generator.reconstruction_error import usual_text
from generator.student.seeing import student_path
from generator.weights_file import PACKAGED, find_weights, load_card, packaged_weights

LICENCE = "Apache-2.0"
LARGEST = 16 * 2**20  # bytes of one file
KNOWN_VALUES = 2  # fewer values of an attribute leave nothing to wish for


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A set of weights on disk.

    Attributes:
        path: The .safetensors file.
        card: The card beside it.
        size_bytes: Size of both files.
    """

    path: Path
    card: Card
    size_bytes: int

    @classmethod
    def at(cls, path: Path) -> "WeightsFile":
        """Read the card of a weights file.

        Raises:
            WeightsError: A file is missing, or the card is damaged.
        """
        card = load_card(path)
        return cls(path, card, sum(p.stat().st_size for p in (path, path.with_suffix(".json"))))

    @property
    def rank(self) -> tuple[int, bool, int]:
        """What makes one set better than another.

        Large drawings; features made to find; scores fitted for several kinds of faces.
        """
        card = self.card
        return card.aligner.size, bool(card.network.get("projection")), len(card.profiles)

    def describe(self) -> dict[str, Any]:
        """Return what a user wants to know, for JSON: no lists of people."""
        card = self.card.to_json()
        people = card.pop("train_identities")
        card |= _counting_people(card)
        if "student" in card:
            on = card["student"]["learnt_from"]
            card["student"] |= {"learnt_from": {**on, "people": len(on["people"])}}
        if "profiles" in card:
            kinds = card["profiles"].items()
            card["profiles"] = {name: {**kind, **_counting_people(kind)} for name, kind in kinds}
        if "validation" in card["data"]:
            aside = len(card["data"]["validation"])
            card["data"] = {**card["data"], "validation": aside}
        return {**card, "path": str(self.path), "bytes": self.size_bytes, "people": len(people)}


def _counting_people(kind: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says whom something was fitted on, with their number in place of names."""
    found = {}
    for part, when in (("fusion", "fitted_on"), ("redrawing", "measured_on")):
        said = kind.get(part, {})
        if said.get(when):
            on = said[when]
            found[part] = {**said, when: {**on, "people": len(on["people"])}}
    return found


def pack(
    source: Path, folder: Path, *, name: str, notes: str = "", headline: str = ""
) -> WeightsFile:
    """Make trained weights small, and write them under a name.

    Args:
        source: The .safetensors file of a run.
        folder: Where to write NAME.safetensors and NAME.json.
        name: Name of the weights, and so of the spaces made with them.
        notes: For the card.
        headline: A measured result, in one line, for the card; empty takes the error of drawings
            of people it has not seen, if that was measured.

    Raises:
        WeightsError: The source is missing or damaged, or too large when packed.
    """
    from generator.checkpoint import load_weights, save_weights  # noqa: PLC0415  torch

    network, card = load_weights(source)
    if len(card.space.attributes) == 1:  # the branch of several is no table of constant maps
        network = network.packed()
    small = network.half()
    metrics = {**card.metrics, "headline": headline or _headline(card)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    taught = bool(card.student) and student_path(source).is_file()
    if taught:  # rounding changes a teacher less than a student differs from it
        shutil.copyfile(student_path(source), student_path(path))
    save_weights(
        path,
        small,
        replace(
            card,
            name=name,
            network=small.config.settings(),
            metrics=metrics,
            student=card.student if taught else {},
            licence=LICENCE,
            notes=notes,
        ),
    )
    packed = WeightsFile.at(path)
    if packed.size_bytes > LARGEST:
        raise WeightsError(f"{path} has {packed.size_bytes} bytes; {LARGEST} may ship")
    return packed


def _headline(card: Card) -> str:
    heldout = card.metrics.get("heldout") or {}
    if "mse_stage_2" not in heldout:
        return "not measured"
    return f"MSE {heldout['mse_stage_2']:.0f} (drawings of unseen people)"


def packaged() -> list[WeightsFile]:
    """Return the weights that ship, in order of their names."""
    return [WeightsFile.at(path) for path in packaged_weights().values()]


def fitting(space: AttributeSpace, attributes: Sequence[str] = ()) -> list[WeightsFile]:
    """Choose packaged weights for a gallery: the best for each attribute, those for pose first.

    The best are those of the highest `WeightsFile.rank`, and of equals those that draw more of what
    is wanted or known. Weights that draw several attributes may be the best for each of these.

    Args:
        space: What is known of the gallery's images. Weights fit if they draw at least two of the
            values of one of its attributes.
        attributes: What will be wished for; then weights need fit nothing but these names. For a
            gallery without labels and wishes, pose is taken.

    Raises:
        WeightsError: None fit; the message lists what there is.
    """
    wanted = tuple(attributes) or (("pose",) if not space.names else ())
    chosen: dict[str, WeightsFile] = {}
    for weights, fits in sorted(_fits(space, wanted), key=_worth):
        chosen |= dict.fromkeys(fits, weights)
    missing = [name for name in wanted if name not in chosen]
    if missing or not chosen:
        raise _nothing_fits(space, missing)
    found = {weights.card.name: weights for _, weights in sorted(chosen.items())}
    return sorted(found.values(), key=lambda one: one is not chosen.get("pose"))


def _fits(
    space: AttributeSpace, wanted: Sequence[str]
) -> Iterator[tuple[WeightsFile, tuple[str, ...]]]:
    """Yield packaged weights, with those of their attributes that are wanted, or else known."""
    for weights in reversed(packaged()):  # of equals the first one is taken
        drawn = weights.card.space.attributes
        yield weights, tuple(a.name for a in drawn if _is_asked(a, space, wanted))


def _worth(found: tuple[WeightsFile, tuple[str, ...]]) -> tuple[tuple[int, bool, int], int, int]:
    """Return what makes one choice better than another; of equals the one that draws least else."""
    weights, fits = found
    return weights.rank, len(fits), -len(weights.card.space.names)


def _is_asked(attribute: Attribute, space: AttributeSpace, wanted: Sequence[str]) -> bool:
    if wanted:
        return attribute.name in wanted
    known = space[attribute.name].values if attribute.name in space else ()
    return sum(attribute.knows(value) for value in known) >= KNOWN_VALUES


def _nothing_fits(space: AttributeSpace, missing: Sequence[str]) -> WeightsError:
    """Say what no packaged weights draw, and what can be chosen."""
    there = drawn_attributes()
    asked, hint = " or ".join(missing), did_you_mean(missing[0] if missing else "", there)
    if not missing:
        asked = f"{' or '.join(space.names)} in the values of these images"
    return WeightsError(
        f"No packaged weights draw {asked}; {hint}. Choose one of these with --attribute, or train"
        " some with `mindseye train`, and give --weights"
    )


def drawn_attributes() -> list[str]:
    """Return the attributes that packaged weights draw, by name."""
    return sorted({name for one in packaged() for name in one.card.space.names})


def to_table(shown: Sequence[WeightsFile]) -> str:
    """List weights for people, one line each."""
    rows = [("name", "size", "attribute", "trained on", "licence", "measured", "SHA-256")]
    for one in shown:
        card = one.card
        rows.append(
            (
                card.name,
                f"{one.size_bytes / 1e6:.1f} MB",
                ", ".join(card.space.names),
                f"{card.data.get('spec')}, {len(card.train_identities)} people",
                card.licence,
                str(card.metrics.get("headline", "not stated")),
                f"{card.sha256[:12]}…",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    notes = [f"{one.card.name}: {one.card.notes}" for one in shown if one.card.notes]
    return "\n".join([*lines, *notes])


def to_text(shown: WeightsFile, fitted: Sequence[str] = ()) -> str:
    """Show a card for people.

    Args:
        shown: The weights.
        fitted: Lines that say what a search was fitted to.
    """
    card = shown.card
    recipe = card.recipe
    lines = [
        f"{card.name}: {card.architecture}, {shown.size_bytes / 1e6:.1f} MB, {shown.path}",
        *(f"  draws {a.name}: {' '.join(a.values)}" for a in card.space.attributes),
        (
            f"  faces: {card.aligner.size} x {card.aligner.size},"
            f" {'colour' if card.aligner.channels == 3 else 'gray'}"
        ),
        (
            f"  trained on: {card.data.get('spec')}, {card.data.get('images')} images;"
            f" {len(card.train_identities)} people seen"
        ),
        (
            f"  recipe: {recipe.get('name')}, {recipe.get('steps')} steps a stage of"
            f" {recipe.get('batch_size')}, seed {card.seed}"
        ),
        *(f"  {name}: {value}" for name, value in card.metrics.items()),
        *(f"  {line}" for line in fitted),
        *([f"  {usual_text(card)}"] if card.redrawing else []),
        f"  licence: {card.licence}",
        f"  SHA-256: {card.sha256}",
    ]
    return "\n".join([*lines, *([f"  {card.notes}"] if card.notes else [])])


def main(arguments: list[str] | None = None) -> int:
    """Pack a run: python -m generator.zoo RUN --name NAME [--notes N] [--headline H]."""
    parser = argparse.ArgumentParser(prog="python -m generator.zoo", description=main.__doc__)
    parser.add_argument("run", help="folder of a finished run, or a .safetensors file")
    parser.add_argument("--name", required=True)
    parser.add_argument("--notes", default="")
    parser.add_argument("--headline", default="")
    parser.add_argument("--folder", type=Path, default=PACKAGED)
    given = parser.parse_args(arguments)
    try:
        packed = pack(
            find_weights(given.run),
            given.folder,
            name=given.name,
            notes=given.notes,
            headline=given.headline,
        )
    except (UserError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stderr.write(f"{packed.path}: {packed.size_bytes / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
