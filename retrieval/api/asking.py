"""Asking in steps: a face is seen, wishes are drawn, drawings are searched with.

`Gallery.search` takes all three at once. Who asks often takes them one by one: many wishes, of many
people, are drawn in one pass; and a drawing can be searched with again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from gallery import sheets
from gallery.align import Crop
from gallery.errors import ConfigError
from gallery.provenance import WHOLE, mark
from gallery.readers.registry import Photograph
from gallery.wishes import Wishes
from generator.canonical import canonicalise
from retrieval.api.answer import Answer, Question
from retrieval.api.sources import notes_of
from retrieval.search import answers
from retrieval.search.crops import asking_for_crops, place_faces
from retrieval.search.drawing import ProbeDrawing, SeenFaces
from retrieval.search.result import Among
from retrieval.search.searcher import Searcher


@dataclass(frozen=True, slots=True, eq=False)
class SourceFace:
    """The face in a source image, cut out as a space sees it; made by `Gallery.see`.

    Attributes:
        notes: What the user should know, such as a crop that is a guess.
        contents: SHA-256 of the files it was cut out of; empty of an open image.
    """

    searcher: Searcher = field(repr=False)
    faces: SeenFaces = field(repr=False)
    notes: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()

    @property
    def space(self) -> str:
        """Name of the space."""
        return self.searcher.space.name

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """What can be wished for: the values of each attribute."""
        return {one.name: one.values for one in self.searcher.card.space.attributes}

    @property
    def picture(self) -> Image.Image:
        """The face, a Pillow image."""
        return sheets.to_image(self.faces.pixels[0])

    def require_contents(self) -> tuple[str, ...]:
        """Return the SHA-256 of all files it was cut out of.

        Raises:
            ConfigError: One came as an open image.
        """
        if len(self.contents) < len(self.faces.pixels):
            raise ConfigError(
                "exclude_source leaves out files of equal bytes; give the path of the source, not"
                " an open image"
            )
        return self.contents


@dataclass(frozen=True, slots=True, eq=False)
class WishDrawing:
    """A wish, drawn; made by `Gallery.draw`, searched with by `Gallery.find`.

    Attributes:
        face: Whose.
    """

    face: SourceFace
    drawing: ProbeDrawing = field(repr=False)

    @property
    def wish(self) -> dict[str, str]:
        """The values that shall be shown, spelt as in the space."""
        return dict(self.drawing.wishes.values)

    @property
    def picture(self) -> Image.Image:
        """The drawing, a Pillow image, marked as drawn."""
        return mark(sheets.to_image(self.drawing.made.drawn.refined[0]), WHOLE)

    @property
    def estimate(self) -> dict[str, str]:
        """The values that the source seems to show; empty where nobody had to know."""
        return dict(self.drawing.made.estimate or {})


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalView:
    """A face as a gallery keeps it; made by `Gallery.redraw`.

    Attributes:
        picture: The redrawing, a Pillow image, marked as drawn.
        estimate: The values in which it was redrawn.
    """

    picture: Image.Image
    estimate: dict[str, str]


def see(
    searcher: Searcher, photographs: Sequence[Photograph], crop: Crop | str | None
) -> SourceFace:
    """Cut out the face of one person.

    Args:
        searcher: Searcher of the space that is asked.
        photographs: The first is the source; the others are drawn from together with it.
        crop: What `retrieval.search.crops.parse_crop` read.

    Raises:
        ImageError: No face can be cut out.
        ConfigError: There are several, and the weights draw from single images.
    """
    placed = place_faces(searcher, photographs, crop)
    with asking_for_crops(photographs):
        faces = searcher.see([one.image for one in photographs], placed.crops)
    notes = (*notes_of(photographs), *placed.notes)
    contents = tuple(one.sha256 for one in photographs if one.sha256)
    return SourceFace(searcher, faces, notes, contents)


def draw(asked: Sequence[tuple[SourceFace, Wishes]]) -> list[WishDrawing]:
    """Draw wishes, those of one space in one pass; see `Gallery.draw`."""
    drawn: dict[int, ProbeDrawing] = {}
    for searcher in {id(face.searcher): face.searcher for face, _ in asked}.values():
        places = [n for n, (face, _) in enumerate(asked) if face.searcher is searcher]
        pairs = [(asked[n][0].faces, asked[n][1]) for n in places]
        drawn.update(zip(places, searcher.draw(pairs), strict=True))
    return [WishDrawing(face, drawn[n]) for n, (face, _) in enumerate(asked)]


def embed(drawings: Sequence[WishDrawing]) -> None:
    """Make what drawings are searched with, those of one space at once; see `Gallery.embed`."""
    for searcher in {id(one.face.searcher): one.face.searcher for one in drawings}.values():
        searcher.embed_all([one.drawing for one in drawings if one.face.searcher is searcher])


def redraw(face: SourceFace) -> CanonicalView:
    """Redraw a face under the values that it seems to show; see `Gallery.redraw`."""
    searcher, faces = face.searcher, face.faces
    log_p = searcher.estimate(
        faces.pixels[:1], None if faces.portraits is None else faces.portraits[:1]
    )
    seen = canonicalise(searcher.engine, faces.pixels[:1], searcher.rule, log_p)
    return CanonicalView(mark(sheets.to_image(seen.images[0]), WHOLE), dict(seen.estimates[0]))


def find(drawing: WishDrawing, k: int, among: Among) -> Answer:
    """Search with a drawing.

    Args:
        drawing: Of a face that a space saw.
        k: How many images.
        among: Which images may answer.

    Raises:
        UserError: What `Searcher.find` raises.
    """
    searcher, faces = drawing.face.searcher, drawing.face.faces
    found = searcher.find(drawing.drawing, k, among)
    question = Question(
        searcher=searcher, faces=faces, wishes=drawing.drawing.wishes, k=k, among=among
    )
    return Answer(found, question, [*drawing.face.notes, *answers.missing_note(found)])
