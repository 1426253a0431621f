"""The two files of a set of weights, found by name, and their card: no torch is needed for that.

What the networks' numbers are, reads generator/checkpoint.py.
"""

from pathlib import Path

from gallery.errors import WeightsError
from gallery.files import file_sha256, write_whole
from gallery.json_files import read_text, spell
from generator.card import AGAIN, Card
from generator.student.seeing import SUFFIX

WEIGHTS_FILE = "weights.safetensors"
PACKAGED = Path(__file__).parent / "weights"  # what ships


def packaged_weights() -> dict[str, Path]:
    """Return the weights that ship with the program, by name."""
    return {
        path.stem: path
        for path in sorted(PACKAGED.glob("*.safetensors"))
        if not path.name.endswith(SUFFIX)
    }


def find_weights(given: str) -> Path:
    """Return the weights file that the user named.

    Args:
        given: A .safetensors file, the folder that `mindseye train --out` made, or, if there is
            neither, the name of packaged weights.

    Raises:
        WeightsError: There is no such file, folder or name, or no weights in the folder.
    """
    path = Path(given).expanduser()
    if path.is_dir():
        path /= WEIGHTS_FILE
        if not path.is_file():
            raise WeightsError(
                f"{given} holds no {WEIGHTS_FILE}; finish its training with `mindseye train"
                " … --resume`, or name another folder"
            )
    elif not path.is_file():
        packaged = packaged_weights()
        if given in packaged:
            return packaged[given]
        raise WeightsError(
            f"There are no weights {given!r}; give the folder that `mindseye train --out` made, a"
            f" .safetensors file, or packaged weights: {', '.join(packaged) or 'none here'}"
        )
    return path


def load_card(path: Path) -> Card:
    """Read the card beside a weights file.

    Raises:
        WeightsError: A file is missing, or the card is damaged.
    """
    beside = path.with_suffix(".json")
    for needed in (path, beside):
        if not needed.is_file():
            raise WeightsError(
                f"There is no file {needed}; weights are two files, NAME.safetensors and NAME.json"
            )
    return Card.from_json(read_text(beside, WeightsError, AGAIN), str(beside))


def save_card(path: Path, card: Card) -> None:
    """Write the card beside a weights file, PATH.json.

    Raises:
        OSError: The folder cannot be written; an older card is left as it was.
    """
    write_whole(path.with_suffix(".json"), spell_card(card))


def spell_card(card: Card) -> bytes:
    """Return what stands in the file of a card."""
    return spell(card.to_json(), indent=1).encode()


def require_own(path: Path, card: Card) -> None:
    """Refuse weights that are not those of their card.

    Raises:
        WeightsError: Their hash is another one.
    """
    if file_sha256(path) != card.sha256:
        raise WeightsError(
            f"{path} is not the file its card describes (SHA-256 {file_sha256(path)[:12]}…,"
            f" card {card.sha256[:12]}…); copy both files again"
        )
