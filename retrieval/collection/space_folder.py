"""The folder of a space: made, or found as it was left."""

import shutil
from pathlib import Path

from gallery.catalogue.records import SpaceRow
from gallery.errors import CatalogueError
from gallery.files import file_sha256
from generator.canonical import Rule
from generator.card import Card
from index import store
from index.contract import IndexContract
from retrieval.collection.collection import Collection
from retrieval.collection.own_weights import copy_card, copy_student, copy_weights
from retrieval.collection.storing import add_space, share


def open_space(
    collection: Collection, card: Card, contract: IndexContract, weights: Path
) -> SpaceRow:
    """Find the space of some weights, or make it: folder first, catalogue last.

    Args:
        collection: Whose space.
        card: Of the weights.
        contract: That vectors of the space are made under.
        weights: Their file; the space keeps a copy.

    Raises:
        IndexFileError: The space was made under another contract.
        CatalogueError: Embeddings lie where it would be made.
    """
    directory, spaces = collection.space_dir(card.name), collection.catalogue.spaces
    name = card.name
    known = {space.name: space for space in spaces.all()}
    if name in known:
        collection.fetch()
        store.read_contract(directory).require_same(
            contract, what=f"The space {name} of {collection.root}"
        )
        copy = collection.weights_path(name)
        intact = copy.is_file() and copy.with_suffix(".json").is_file()
        if not intact or file_sha256(copy) != card.sha256:
            copy_weights(weights, copy, card.sha256, card.profile)
        elif weights.resolve() != copy.resolve():  # a card may have been fitted anew
            copy_card(weights, copy, card.profile)
        _copy_student(contract, weights, copy)
        share(collection, known[name])
        return known[name]
    _require_no_shards(directory)
    shutil.rmtree(directory, ignore_errors=True)  # of a build killed before it began
    directory.mkdir(parents=True, exist_ok=True)
    copy_weights(weights, collection.weights_path(name), card.sha256, card.profile)
    _copy_student(contract, weights, collection.weights_path(name))
    store.write_contract(directory, contract)
    return add_space(collection, name, contract)


def _copy_student(contract: IndexContract, weights: Path, copy: Path) -> None:
    """Copy the student that the views or the poses of a space are asked of, if any."""
    if Rule.parse(contract.canonicalisation).asks_student:
        copy_student(weights, copy)


def _require_no_shards(directory: Path) -> None:
    """Refuse to make a space where shards lie that the catalogue knows nothing of."""
    if any((directory / "embeddings").glob("*.npy")):
        raise CatalogueError(
            f"{directory} holds embeddings of a space that the catalogue does not know;"
            " was the catalogue lost, or is it another one? Put the right one back, or build in"
            " another --collection"
        )
