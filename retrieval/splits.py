"""Parts of a gallery: the people that weights have seen, or the others."""

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from generator.card import Card

SPLITS = ("all", "train", "test")


def part_of(faces: FaceSet, card: Card, split: str) -> FaceSet:
    """Return the images of a split.

    Args:
        faces: The gallery.
        card: Of the weights.
        split: One of `SPLITS`: everybody, the people on the card, or everybody else. Images
            without an identity count among the others.

    Raises:
        ConfigError: Nothing is left: no image, and no file that could not be read.
    """
    part = faces
    if split != "all":
        part = faces.of(card.seen) if split == "train" else faces.without(card.seen)
    if not part.faces and not part.problems:
        raise ConfigError(
            f"--split {split} leaves no image of {faces.spec}: {card.name} was trained on"
            f" {'nobody' if split == 'train' else 'everybody'} there; say --split all"
        )
    return part
