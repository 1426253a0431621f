"""Which space of a collection answers a query."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gallery.attributes import AttributeSpace, Condition
from gallery.catalogue.records import SpaceRow
from gallery.errors import CatalogueError, ConfigError, IndexFileError, WeightsError, WishError
from gallery.wishes import Wishes
from generator.networks.registry import MAY_FUSE
from generator.weights_file import load_card
from generator.zoo import packaged
from index.contract import IndexContract
from retrieval.collection.collection import Collection
from retrieval.embedding import contract_from_card
from retrieval.scoring.terms import Score


class _ScoreError(WishError):
    """A space knows what is wished for, but its score cannot weigh it."""


def choose_space(
    collection: Collection, wishes: Wishes | None, name: str | None, *, together: bool
) -> SpaceRow:
    """Choose the space that answers wishes: the one that is named, or the most recent that can.

    Args:
        collection: What is searched.
        wishes: What the weights of the space must know, and its score be able to tell; None where
            nothing is wished for yet.
        name: Name of the space, or None.
        together: Whether a space that can draw from several images is taken before others.

    Raises:
        WishError: No space can answer; the message lists which wishes each knows.
        CatalogueError: There is no such space, or none at all.
        WeightsError: The copy of the weights that would answer is missing or damaged.
    """
    try:
        return _choose(collection, wishes, name, together=together)
    except WishError as error:
        hint = "" if wishes is None else _packaged(collection, wishes.values)
        raise WishError(f"{error}{hint}") from error


def space_with(
    collection: Collection, attribute: str, held: Wishes | None, name: str | None = None
) -> str:
    """Name the space that can draw every value of an attribute: the most recent one that has it.

    Args:
        collection: What is searched.
        attribute: Of which any value may be wished for.
        held: What else is wished for; nothing about the attribute.
        name: Name of the space, or None.

    Raises:
        WishError: No space has the attribute and can draw what is held.
        CatalogueError: There is no such space, or none at all.
    """
    some = None if name is None else collection.catalogue.spaces.get(name)
    refusal = WishError(f"No space knows {attribute!r}; the collection has none")
    for space in collection.catalogue.spaces.all() if some is None else [some]:
        try:
            attribute_space(collection, space.name)[attribute]
            if held is not None:
                _require_able(collection, space, held)
        except (WishError, WeightsError) as error:
            refusal = WishError(f"Space {space.name}: {error}")
        else:
            return space.name
    raise refusal


def _choose(
    collection: Collection, wishes: Wishes | None, name: str | None, *, together: bool
) -> SpaceRow:
    spaces = collection.catalogue.spaces.all()
    if name is not None:
        chosen = collection.catalogue.spaces.get(name)
        if wishes is not None:
            _require_able(collection, chosen, wishes)
        return chosen
    if not spaces:
        raise CatalogueError(
            f"The collection {collection.root} has no space; build one with `mindseye index build`"
        )
    if together:
        spaces = sorted(spaces, key=lambda space: not fuses(collection, space))
    return spaces[0] if wishes is None else _first_able(collection, spaces, wishes)


def _packaged(collection: Collection, wish: Condition) -> str:
    """Say how a space for a wish is made, where no space has its attribute and weights ship."""
    draws = [one.card.space for one in packaged()]
    if len(wish) != 1 or not any(_draws(space, wish) for space in draws):
        return ""
    (attribute,) = wish
    for space in collection.catalogue.spaces.all():
        with suppress(ConfigError, WeightsError):  # a broken space has none
            if attribute in attribute_space(collection, space.name):
                return ""
    return (
        f". Packaged weights draw it: mindseye index build SPEC --attribute {attribute}"
        f" --collection {collection.root}"
    )


def _draws(space: AttributeSpace, wish: Condition) -> bool:
    return all(name in space and space[name].knows(value) for name, value in wish.items())


def fuses(collection: Collection, space: SpaceRow) -> bool:
    """Say whether a space draws one person from several images; not if it is broken."""
    try:
        card = load_card(collection.weights_path(space.name))
        if card.architecture not in MAY_FUSE:
            return False
        from generator.checkpoint import fuses as card_fuses  # noqa: PLC0415  torch builds it

        return card_fuses(card)
    except (ConfigError, WeightsError):  # which opening the space will say
        return False


def _require_able(collection: Collection, space: SpaceRow, wishes: Wishes) -> None:
    """Refuse a space that cannot draw wishes, or whose score cannot tell what they ask.

    Raises:
        WishError: It cannot.
        WeightsError: Its weights are missing or damaged.
    """
    wishes.within(attribute_space(collection, space.name))
    if wishes.plain:
        return
    parts = Score.of(collection.contract(space)).parts
    if not any(part.name == "log_p" for part in parts):
        raise _ScoreError(
            f"{str(wishes.special)!r} asks for the part of the score that says how surely an image"
            f" shows a value, and the space {space.name} has none: it scores by drawings alone."
            " Wish without weight and not, or build another --collection with weights that have"
            " an estimator (docs/scoring.md)"
        )


def _first_able(collection: Collection, spaces: Sequence[SpaceRow], wishes: Wishes) -> SpaceRow:
    """Return the first space that can draw a wish; one that is broken stops no other."""
    refusals: list[WishError] = []
    broken: list[WeightsError] = []
    for space in spaces:
        try:
            _require_able(collection, space, wishes)
        except WishError as error:
            refusals.append(error)
        except WeightsError as error:
            broken.append(error)
        else:
            return space
    if broken:
        raise broken[0]
    for refusal in refusals:
        if isinstance(refusal, _ScoreError):
            raise refusal
    raise _none_able(collection, spaces, wishes, refusals[0])


def _none_able(
    collection: Collection, spaces: Sequence[SpaceRow], wishes: Wishes, refusal: WishError
) -> WishError:
    if len(spaces) == 1:
        return WishError(f"Space {spaces[0].name}: {refusal}")
    known = "; ".join(_knows(collection, space.name) for space in spaces)
    return WishError(f"No space can draw {wishes}. Each knows: {known}")


def attribute_space(collection: Collection, space: str) -> AttributeSpace:
    """Return what can be wished for in a space.

    Raises:
        WeightsError: The space's copy of its weights is missing or damaged.
    """
    return load_card(collection.weights_path(space)).space


def _knows(collection: Collection, space: str) -> str:
    attributes = attribute_space(collection, space).attributes
    listed = ", ".join(f"{a.name}={'|'.join(a.values)}" for a in attributes)
    return f"{space} ({listed})"


def require_weights(contract: IndexContract, space: SpaceRow, weights: Path) -> None:
    """Refuse weights that a space was not made with.

    Raises:
        IndexFileError: It was made with others; the message names the first difference.
    """
    spell = Score.of(contract).spell
    rule, dimension = contract.canonicalisation, contract.dimension
    given = contract_from_card(load_card(weights), rule, dimension, spell)
    difference = contract.first_difference(given)
    if difference is not None:
        raise IndexFileError(
            f"The space {space.name} was not made with the weights {weights}: {difference}."
            " Leave out --weights, choose another --space, or index with these weights first"
        )
