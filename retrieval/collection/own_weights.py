"""A space's own copy of its weights."""

import shutil
from pathlib import Path

from gallery.errors import WeightsError
from gallery.files import file_sha256, replacing, write_whole
from generator.card import Card
from generator.student.seeing import student_path
from generator.weights_file import spell_card


def copy_card(source: Path, target: Path, profile: str | None = None) -> None:
    """Copy the card of weights that are there already, if it says something else.

    Args:
        source: The weights' file.
        target: That of the copy.
        profile: Which profile of the card the copy has in its first place; None: that of the card.
    """
    here, content = target.with_suffix(".json"), _card(source, profile)
    if not here.is_file() or here.read_bytes() != content:
        write_whole(here, content)


def _card(source: Path, profile: str | None) -> bytes:
    content = source.with_suffix(".json").read_bytes()
    if profile is None:
        return content
    card = Card.from_json(content, str(source.with_suffix(".json")))
    return content if card.profile == profile else spell_card(card.under(profile))


def copy_weights(source: Path, target: Path, sha256: str, profile: str | None = None) -> None:
    """Copy weights and card, card last, unless they are there.

    Args:
        source: The weights' file.
        target: That of the copy.
        sha256: Of the weights that were loaded.
        profile: As for `copy_card`.

    Raises:
        WeightsError: The source has changed since it was loaded.
    """
    if source.resolve() == target.resolve():
        return
    with replacing(target) as partial:
        shutil.copyfile(source, partial)
        if file_sha256(partial) != sha256:
            raise WeightsError(f"{source} has changed while it was in use; build again")
    write_whole(target.with_suffix(".json"), _card(source, profile))


def copy_student(source: Path, target: Path) -> None:
    """Copy the student beside some weights, unless the same one is there.

    Args:
        source: The weights' file.
        target: That of their copy.
    """
    here, there = student_path(source), student_path(target)
    if here.resolve() == there.resolve():
        return
    if not there.is_file() or file_sha256(there) != file_sha256(here):
        with replacing(there) as partial:
            shutil.copyfile(here, partial)
