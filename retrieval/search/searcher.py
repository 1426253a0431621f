"""Search: draw the wished image, embed the drawing, find its neighbours in the gallery.

Shapes: S side, C channels, D dimensions, K results.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gallery.align import Crop, Pixels
from gallery.arrays import Floats
from gallery.attributes import Condition
from gallery.catalogue.records import SpaceRow
from gallery.catalogue.store import Catalogue
from gallery.errors import ConfigError, IndexFileError, WeightsError, WishError
from gallery.wishes import Wishes
from generator.canonical import PAPERS, Rule
from generator.card import Card
from generator.drawer import Drawer
from generator.reconstruction_error import Usual
from generator.runtime import open_drawer
from generator.weights_file import find_weights
from index.backend import Limit
from index.base import Neighbours
from retrieval.collection.collection import Collection
from retrieval.collection.domain_check import Doubt, counted, of_gallery, of_sources, of_wish
from retrieval.scoring.confidence import NEEDED
from retrieval.scoring.exclusions import Exclusion, exclusions
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.scorer import Scoring, scoring_of
from retrieval.scoring.term import Reader
from retrieval.scoring.terms import DRAWING, Coefficients, Layout, Score
from retrieval.search.drawing import ProbeDrawing, SeenFaces, draw_wishes
from retrieval.search.excluding import search_excluding
from retrieval.search.known_faces import KnownFaces
from retrieval.search.live import Live, WhereChoice, open_live
from retrieval.search.parts import NO_PARTS, Asked, ScoreParts, parts_of
from retrieval.search.result import ALL, Among, Found, SearchResult, Timings
from retrieval.search.routing import choose_space, require_weights

if TYPE_CHECKING:
    import torch


class Searcher:
    """One space of a collection, open for queries.

    Attributes:
        engine: Draws.
        index: The index of the space.
        rule: How its canonical views were chosen.
        scoring: What its vectors are made of.
    """

    def __init__(
        self,
        collection: Collection,
        engine: Drawer,
        index: Live,
        rule: Rule = PAPERS,
        scoring: Scoring | None = None,
    ) -> None:
        """Take the parts of a space.

        Args:
            collection: It is in.
            engine: Draws with the weights of the space.
            index: What is searched.
            rule: How its canonical views were chosen.
            scoring: What its vectors are made of; None for drawings alone.
        """
        self.rule = rule
        self.scoring = scoring or Scoring(Score(), Layout(engine.dimension), Coefficients())
        self._confidence = ScoreProfile.of(engine.card).calibration(
            self.scoring.name, rule.hypotheses
        )
        self._usual = None if self._confidence is None else Usual.of(engine.card)
        self.engine = engine
        self.index = index
        self._collection = collection
        self._judged: tuple[SpaceRow | None, Doubt | None] = (None, None)

    @property
    def space(self) -> SpaceRow:
        """The space, as it was when last looked at."""
        return self.index.space

    @property
    def _catalogue(self) -> Catalogue:
        """The catalogue, without what a question that failed may have left open."""
        self._collection.catalogue.recover()
        return self._collection.catalogue

    @property
    def card(self) -> Card:
        """The card of the weights that draw here."""
        return self.engine.card

    @property
    def known_faces(self) -> KnownFaces:
        """What the gallery and the weights know of where faces are."""
        return KnownFaces(self._catalogue.images, self.card.aligner)

    def query(
        self,
        image: Image.Image,
        wishes: Wishes | Condition | Sequence[str],
        k: int,
        crop: Crop | Sequence[Crop | None] | None = None,
        *,
        among: Among = ALL,
        others: Sequence[Image.Image] = (),
    ) -> SearchResult:
        """Find the images that come closest to the wished one.

        Args:
            image: The source, upright.
            wishes: What is wished for; or as written, like "pose=45".
            k: How many images; the whole gallery if it is smaller.
            crop: Where the face is in these images, or in each of them; otherwise the weights' own
                crop.
            among: Which images may answer; k of them do, if there are as many.
            others: More images of the same person, to draw from together with the first.

        Raises:
            WishError: A wish names an unknown attribute or value, or asks the score for what it
                has not.
            ConfigError: `among.where` is no expression, or names what is not known; or there are
                others, and the weights draw from single images.
            ImageError: The crop does not fit the image.
            WeightsError: The drawing holds NaN.
            IndexFileError: A stored vector does.
            ValueError: There are not as many crops as images.
        """
        wished = self.wishes(wishes)
        images = [image, *others]
        crops = [crop] * len(images) if crop is None or isinstance(crop, Crop) else crop
        (drawing,) = self.draw([(self.see(images, crops), wished)])
        return self.find(drawing, k, among)

    def wishes(self, wishes: Wishes | Condition | Sequence[str]) -> Wishes:
        """Return wishes as this space spells them.

        Raises:
            WishError: A wish names an unknown attribute or value, or asks the score for what it
                has not.
        """
        wished = Wishes.of(wishes).within(self.card.space)
        self._exclusions(wished)
        return wished

    def see(self, images: Sequence[Image.Image], crops: Sequence[Crop | None]) -> SeenFaces:
        """Cut the face of one person out of photographs.

        Args:
            images: Upright; the first is the source.
            crops: Where the face is in each; None for the weights' own crop.

        Raises:
            ConfigError: There are several, and the weights draw from single images.
            ImageError: A crop does not fit its image.
            ValueError: There are not as many crops as images.
        """
        if len(images) > 1:
            self._require_fusion(len(images))
        pairs = list(zip(images, crops, strict=True))
        align = self.card.aligner.align
        pixels = np.stack([align(one, crop=own) for one, own in pairs])
        portraits = self.scoring.portraits(self.card.aligner)
        cut = None
        if portraits is not None:
            cut = np.stack([portraits.align(one, crop=own) for one, own in pairs])
        return SeenFaces(pixels, cut, placed=None not in crops)

    def draw(self, asked: Sequence[tuple[SeenFaces, Wishes]]) -> list[ProbeDrawing]:
        """Draw wishes, all at once; what is not wished for stays as it is estimated to be.

        Args:
            asked: Whose face, and what is wished for, spelt as in the space.

        Raises:
            WishError: See `draw_wish`.
        """
        started = time.perf_counter()
        log_p = None if self.scoring.pose is None else self.estimate
        made = draw_wishes(
            self.engine, self.rule, asked, judged=self._usual is not None, log_p=log_p
        )
        took = _milliseconds(started)
        return [
            ProbeDrawing(faces, wishes, one, took)
            for (faces, wishes), one in zip(asked, made, strict=True)
        ]

    def embed(self, drawing: ProbeDrawing) -> Floats:
        """Return what a drawing searches with, (1, F): made once, then kept with it.

        Raises:
            WeightsError: It holds NaN.
        """
        if drawing.probe is None:
            started = time.perf_counter()
            features, faces = drawing.made.drawn.features, drawing.faces
            pixels, cut, known = faces.pixels, faces.portraits, faces.kept.terms
            probe = self.scoring.probe(self.engine, features, drawing.wishes, pixels, cut, known)
            self._require_finite(probe, drawing.wishes)
            drawing.probe, drawing.embed_ms = probe, _milliseconds(started)
        return drawing.probe

    def embed_all(self, drawings: Sequence[ProbeDrawing]) -> None:
        """Make what drawings search with; portraits of all their sources are read in one pass.

        Raises:
            WeightsError: One holds NaN.
        """
        sources = {id(one.faces): one.faces for one in drawings if one.probe is None}
        for name, reader in self.scoring.readers.items():
            if reader.needs_portraits:
                read_at_once(name, reader, list(sources.values()))
        for one in drawings:
            self.embed(one)

    def find(self, drawing: ProbeDrawing, k: int, among: Among = ALL) -> SearchResult:
        """Find the images that come closest to a drawing.

        Args:
            drawing: Made by this searcher.
            k: How many images; the whole gallery if it is smaller.
            among: Which images may answer; k of them do, if there are as many.

        Raises:
            ConfigError: `among.where` is no expression, or names what is not known.
            WeightsError: The drawing holds NaN.
            IndexFileError: A stored vector does.
        """
        wishes, probe = drawing.wishes, self.embed(drawing)
        excluded = self._exclusions(wishes)
        started = time.perf_counter()
        neighbours = self._search(probe, max(k, NEEDED), among, excluded)
        timings = Timings(drawing.draw_ms, drawing.embed_ms, _milliseconds(started))
        doubt = self._doubt(wishes, drawing.made.errors, placed=drawing.faces.placed)
        asked = Asked(probe, wishes, excluded)
        hits = self._hits(neighbours, asked, doubted=doubt is not None)[:k]
        if among.min_score is not None:
            hits = hits[: int((neighbours.scores[0] >= among.min_score).sum())]
        source, drawn = drawing.faces.pixels[0], drawing.made.drawn.refined[0]
        runs = f"{self.engine.runtime}, {self.engine.precision}"
        return SearchResult(self.space.name, wishes, source, drawn, timings, hits, doubt, runs)

    def _exclusions(self, wishes: Wishes) -> tuple[Exclusion, ...]:
        """Return what must not be shown.

        Raises:
            WishError: Exclusions or weights are wished for, and the score cannot tell.
        """
        if wishes.plain:
            return ()
        if not self.scoring.weights.of("log_p"):
            raise WishError(
                f"{str(wishes.special)!r} has no effect in the space {self.space.name}: its score"
                " does not weigh how surely an image shows a value. Wish without weight and not"
            )
        return exclusions(wishes, self.card.space, self.scoring.layout, self.scoring.weights)

    def _search(
        self, probe: Floats, k: int, among: Among, excluded: Sequence[Exclusion]
    ) -> Neighbours:
        unwanted = sorted(self._catalogue.images.holding(among.exclude).values())
        chosen = None
        if among.where is not None:
            chosen = WhereChoice(self._catalogue, among.where, self.space.id)
        limit = Limit(chosen, np.array(unwanted, dtype=np.int64))
        if excluded:
            return search_excluding(self.index, probe, k, excluded, limit)
        return self.index.find(probe, k, limit)

    def _require_finite(self, probe: Floats, wish: Wishes) -> None:
        if not np.isfinite(probe).all():
            raise WeightsError(
                f"The drawing of {wish} from this image holds NaN or infinity, and nothing is like"
                f" it: the weights of space {self.space.name} are damaged, or their numbers"
                " overflow here. Put the weights back: mindseye index build with the same weights;"
                " or try another image"
            )

    def _require_fusion(self, count: int) -> None:
        if not self.engine.fuses:
            raise ConfigError(
                f"The weights of space {self.space.name} draw from one image, got {count}. Give one"
                " image, or index with weights that fuse several: dr-gan, trained with images above"
                " 1 in the [network] table of --config"
            )

    def estimate(self, images: Pixels, portraits: Pixels | None) -> Floats | None:
        """Return log p of all values as gallery images were estimated, (n, A), if anything says it.

        Args:
            images: Aligned, 0..255, (n, S, S, C).
            portraits: As `scoring.portraits` cuts them, (n, P, P, 3).
        """
        return self.scoring.log_p(self.engine, images, portraits)

    def _doubt(self, wishes: Wishes, errors: Sequence[float], *, placed: bool) -> Doubt | None:
        """Say why nothing is known of how sure the answers are, if so.

        It is the wish, the gallery, or the sources. The gallery is judged again when it has
        changed.
        """
        unusual = wishes.unusual(self.card.space)
        if self._confidence is not None and unusual is not None:
            return of_wish(str(unusual))
        if self._usual is None:
            return None
        if self._judged[0] != self.space:
            strangers = counted(self._collection, self.space, self._usual)
            self._judged = (self.space, of_gallery(self.space.name, strangers))
        return self._judged[1] or of_sources(self._usual, errors, placed=placed)

    def _hits(
        self, neighbours: Neighbours, asked: Asked, *, doubted: bool = False
    ) -> tuple[Found, ...]:
        """Say what was found, with the parts of its scores, and how sure it is unless doubted."""
        ids, scores = neighbours.ids[0].tolist(), neighbours.scores[0]
        parts = self._parts(asked, ids) if ids else NO_PARTS
        sure = None
        if self._confidence is not None and ids and not doubted:
            sure = self._confidence.of_answers(scores, parts.terms).tolist()
        rows = self._catalogue.images.rows(self.space.id, ids)
        strange = [image_id for image_id in ids if image_id not in rows]
        if strange:
            raise IndexFileError(
                f"The index of space {self.space.name} holds image {strange[0]}, which the"
                " catalogue does not know. See `mindseye index verify`"
            )
        return tuple(
            Found(
                place + 1,
                round(float(scores[place]), 6),
                rows[image_id].path,
                rows[image_id].identity,
                rows[image_id].condition,
                rows[image_id].estimate,
                rows[image_id].sha256,
                rows[image_id].landmarks,
                {name: round(float(part[place]), 6) for name, part in parts.terms.items()},
                None if sure is None else round(sure[place], 4),
                rows[image_id].second,
                {name: round(float(part[place]), 6) for name, part in parts.wishes.items()},
                image_id,
            )
            for place, image_id in enumerate(ids)
        )

    def _parts(self, asked: Asked, ids: Sequence[int]) -> ScoreParts:
        """Return what the scores of some images are the sum of.

        It is read off the vectors by which the images were found; nothing is searched again.
        """
        if self.scoring.name == DRAWING:
            return NO_PARTS
        wanted = np.array(ids, dtype=np.int64)
        stored = self.index.stored(np.sort(wanted))  # of the index as it was just now
        vectors = stored.best(asked.probe[0], wanted)
        return parts_of(vectors, asked, self.card.space, self.scoring.layout)


def open_searcher(
    collection: Collection,
    wishes: Wishes | Condition | Sequence[str],
    device: "str | torch.device",
    *,
    space: str | None = None,
    weights: str | None = None,
    together: bool = False,
) -> Searcher:
    """Open the space that can answer some wishes.

    Args:
        collection: What to search.
        wishes: What is wished for; or as written, like "pose=45". The weights of the space must
            know every attribute and value.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        space: Its name; None takes the most recent one that can answer.
        weights: Weights the caller believes the space to be made with; refused if it is not.
        together: Whether several images of one person are to be drawn from: a space that can is
            then taken before one that cannot.

    Raises:
        WishError: No space can answer; the message lists which wishes each knows.
        CatalogueError: There is no such space, or nothing was published in it.
        IndexFileError: The index is damaged, or was made under another contract.
        WeightsError: The space's weights are missing or damaged.
    """
    chosen = choose_space(collection, Wishes.of(wishes), space, together=together)
    return open_space(collection, chosen, device, weights)


def open_space(
    collection: Collection,
    chosen: SpaceRow,
    device: "str | torch.device",
    weights: str | None = None,
    runtime: str = "auto",
) -> Searcher:
    """Open a space that was chosen; see `open_searcher`."""
    contract = collection.contract(chosen)
    if weights is not None:
        require_weights(contract, chosen, find_weights(weights))
    rule = Rule.parse(contract.canonicalisation)
    engine = open_drawer(collection.weights_path(chosen.name), device, runtime)
    scoring = scoring_of(engine, contract)
    index = open_live(collection, chosen, scoring.contract(engine.card, rule), engine.on)
    return Searcher(collection, engine, index, rule, scoring)


def _milliseconds(started: float) -> float:
    """Return how long ago something was started."""
    return round(1000 * (time.perf_counter() - started), 2)


def read_at_once(name: str, reader: Reader, sources: Sequence[SeenFaces]) -> None:
    """Read a term of sources of one image each in one pass, where it was not read yet."""
    pixels, portraits, unread = [], [], []
    for one in sources:
        if name not in one.kept.terms and len(one.pixels) == 1 and one.portraits is not None:
            unread.append(one)
            pixels.append(one.pixels)
            portraits.append(one.portraits)
    if len(unread) < 2:
        return
    read = reader.read(np.concatenate(pixels), np.concatenate(portraits))
    for number, one in enumerate(unread):
        one.kept.terms[name] = read[number : number + 1].copy()
