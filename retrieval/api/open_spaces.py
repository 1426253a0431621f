"""Spaces that were opened for a search, kept for the next one: opening weights takes longest."""

from gallery.catalogue.records import SpaceRow
from gallery.errors import CatalogueError, WeightsError
from gallery.wishes import Wishes
from retrieval.collection.collection import Collection
from retrieval.scoring.profile import ScoreProfile
from retrieval.search import searcher as searching
from retrieval.search.routing import choose_space
from retrieval.search.searcher import Searcher


class OpenSpaces:
    """Opened spaces of one collection."""

    def __init__(self, device: str, runtime: str = "auto") -> None:
        self._device, self._runtime = device, runtime
        self._opened: dict[tuple[object, ...], Searcher] = {}
        self._told: set[str] = set()

    def clear(self) -> None:
        """Forget them: weights may have changed."""
        self._opened.clear()

    def find(
        self,
        collection: Collection,
        wishes: Wishes | None,
        space: str | None,
        weights: str | None,
        *,
        together: bool,
    ) -> Searcher:
        """Open the space that answers; see `retrieval.search.searcher.open_searcher`.

        One that was opened before is taken, unless its weights or its card have changed since.
        """
        chosen = choose_space(collection, wishes, space, together=together)
        key = _key(collection, chosen)
        if weights is not None or key not in self._opened:
            self._opened[key] = searching.open_space(
                collection, chosen, self._device, weights, self._runtime
            )
        return self._opened[key]

    def is_current(self, collection: Collection, searcher: Searcher) -> bool:
        """Say whether a space would be answered by the same searcher now."""
        collection.catalogue.recover()
        try:
            key = _key(collection, collection.catalogue.spaces.get(searcher.space.name))
        except (CatalogueError, WeightsError):
            return False
        return self._opened.get(key) is searcher

    def untold(self, searcher: Searcher) -> tuple[str, ...]:
        """Return what the user should know of a space and was not told yet."""
        card = searcher.card
        named = not searcher.scoring.recogniser or ScoreProfile.of(card).recogniser
        if named or card.name in self._told:
            return ()
        self._told.add(card.name)
        why = (
            f"The card of {card.name} does not say which recogniser its fused score and confidence"
            " were fitted with; they may not hold for the one that is installed. To be sure:"
            " mindseye weights fit"
        )
        return (why,)


def _key(collection: Collection, space: SpaceRow) -> tuple[object, ...]:
    return (space.name, space.contract_sha256, *_state(collection, space.name))


def _state(collection: Collection, space: str) -> tuple[int, int]:
    """Tell apart the cards that a space has had."""
    card = collection.weights_path(space).with_suffix(".json")
    try:
        status = card.stat()
    except OSError as error:
        raise WeightsError(f"Cannot read {card}: {error.strerror}") from error
    return status.st_mtime_ns, status.st_ino
