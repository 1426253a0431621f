"""Weights as users see them: what there is, and what a card says."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from PIL import Image

from gallery.faces import FaceSet
from generator.runs.samples import showcase
from generator.weights_file import find_weights
from generator.zoo import WeightsFile, packaged, to_table, to_text
from retrieval.api.additions import open_engine
from retrieval.api.faces import load_faces
from retrieval.fitting.agreement import agreement_text
from retrieval.fitting.told import summary


class WeightsCard:
    """What is known of a set of weights; `str` of it is what `mindseye weights show` prints.

    Attributes:
        name: What spaces made with them are called.
        path: The .safetensors file.
        size_bytes: Size of the file and its card.
        attributes: What can be wished for: values by attribute.
        licence: Under which the weights may be used.
        sha256: Hash of the file.
    """

    def __init__(self, shown: WeightsFile) -> None:
        self._shown = shown
        card = shown.card
        self.name = card.name
        self.path = shown.path
        self.size_bytes = shown.size_bytes
        self.attributes = {one.name: one.values for one in card.space.attributes}
        self.licence = card.licence
        self.sha256 = card.sha256

    def __repr__(self) -> str:
        return f"<WeightsCard {self.name}: {', '.join(self.attributes)}>"

    def __str__(self) -> str:
        card = self._shown.card
        return to_text(self._shown, [*summary(card), *agreement_text(card)])

    def to_json(self) -> dict[str, Any]:
        """Return the card, without lists of people: what `mindseye weights show --json` prints."""
        return self._shown.describe()

    def sheet(self, faces: str | FaceSet = "studio-mini", *, seed: int = 0) -> Image.Image:
        """Return a picture of what they draw: source, stage 1, stage 2, target.

        Args:
            faces: Labelled faces to draw: a SPEC, or what `load_faces` returned.
            seed: Seed of the choice of faces.

        Raises:
            UserError: The faces have none of the values that the weights draw.
        """
        engine = open_engine(self.path, "auto")
        return showcase(engine, load_faces(faces), seed)


class WeightsList(Sequence[WeightsCard]):
    """The weights that ship, by name; `str` of it is the table of `mindseye weights list`."""

    def __init__(self, shown: Sequence[WeightsFile]) -> None:
        self._shown = tuple(shown)

    @overload
    def __getitem__(self, place: int) -> WeightsCard: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[WeightsCard]: ...
    def __getitem__(self, place: int | slice) -> WeightsCard | Sequence[WeightsCard]:
        if isinstance(place, slice):
            return [WeightsCard(one) for one in self._shown[place]]
        return WeightsCard(self._shown[place])

    def __iter__(self) -> Iterator[WeightsCard]:
        return map(WeightsCard, self._shown)

    def __len__(self) -> int:
        return len(self._shown)

    def __repr__(self) -> str:
        return f"<WeightsList: {', '.join(one.card.name for one in self._shown)}>"

    def __str__(self) -> str:
        return to_table(self._shown)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the cards: what `mindseye weights list --json` prints."""
        return [one.describe() for one in self._shown]


def list_weights() -> WeightsList:
    """List the weights that ship: what each draws, how well, and under which licence.

    Raises:
        UserError: One of them is damaged; install mindseye again.
    """
    return WeightsList(packaged())


def show_weights(name: str | Path) -> WeightsCard:
    """Show the card of weights: attributes and values, data, training, measures, licence, hash.

    Args:
        name: Packaged name, folder of a run, or file.

    Raises:
        UserError: There are no such weights, or their card is damaged.
    """
    return WeightsCard(WeightsFile.at(find_weights(str(name))))
