"""Looking at collections of images: `mindseye data`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.interrupts import resumable
from commands.options import AsJson, CropOption, LandmarksFile, Spec, parse_crop
from commands.progress import bar, result, tell
from gallery.json_files import spell

if TYPE_CHECKING:
    from gallery.faces import Face, Problem


def show(
    spec: Spec,
    sheet: Annotated[Path | None, typer.Option(help="Save a contact sheet.")] = None,
    crop: CropOption = None,
    landmarks: LandmarksFile = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Decode every image, and list those that cannot be read."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count images by identity and attribute, and name the holes.

    A hole is a combination of values that somebody lacks.

    \b
    Example: mindseye data show cmu-faces:cmu-faces.tar.gz --sheet faces.png
    """
    from gallery import sheets
    from gallery.align import Aligner
    from gallery.marks import marked
    from gallery.pixels import check_each
    from gallery.readers.registry import open_faces
    from gallery.summary import contact_sheet, remarks_text, sides_text, summarise, to_text

    faces = open_faces(spec)
    if landmarks is not None:
        faces = marked(faces, landmarks)
    faces = replace(faces, crop=parse_crop(crop) or faces.crop)
    if check:
        aligner = Aligner(size=32, channels=1, crop=faces.crop)
        found = list(bar(check_each(faces, aligner), "checking", len(faces)))
        bad = (one.problem for one in found if one.problem is not None)
        notes = (f"{one.name}: {note}" for one in found for note in one.notes)
        faces = replace(faces, problems=(*faces.problems, *bad), notes=(*faces.notes, *notes))
    if sheet is not None:
        sheets.save(contact_sheet(faces), sheet)
        tell(f"Contact sheet: {sheet}")
    summary = summarise(faces)
    if as_json:
        typer.echo(spell(summary, ascii_only=False))
        return
    said = [*sides_text(faces), *(f"  {line}" for line in remarks_text(faces))]
    typer.echo("\n".join([to_text(summary), *said]))


def find_faces(
    spec: Spec,
    out: Annotated[
        Path | None,
        typer.Option(help="The CSV file to write. Default: where the reader looks for it."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Save a picture of the faces, cut out.")
    ] = None,
    detector: Annotated[
        str,
        typer.Option(help="mesh, dlib, or auto: each that is installed until one finds a face."),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Find the face in every image; write down its eyes and chin.

    What the file holds already stays; run it again for new images. Needs the extra "faces".

    \b
    Example: mindseye data find-faces folder:photos --sheet found.png
    """
    from gallery import sheets
    from gallery.detection import face_search
    from gallery.detection.registry import open_detector
    from gallery.readers.registry import open_faces
    from gallery.summary import contact_sheet, remarks, remarks_text

    faces = open_faces(spec)
    for line in remarks_text(faces):
        tell(line)
    target = out or faces.landmarks_file
    with resumable("Run the same command again to go on."):
        looks = face_search.locate(faces, open_detector(detector), target)
        outcome = result(looks, "finding faces")
    found = {"spec": spec, "out": str(target), **face_search.to_json(outcome), **remarks(faces)}
    typer.echo(spell(found, ascii_only=False) if as_json else face_search.to_text(outcome))
    if target is None or not target.is_file():
        tell("Nothing written: no new face was found; mark faces by hand instead (docs/data.md)")
        return
    tell(f"Landmarks: {target}")
    if outcome.none:
        tell(
            f"{len(outcome.none)} images hold no face that could be found: index build, train and"
            " bench leave them out; mark those that do by hand (docs/data.md)"
        )
    if sheet is not None and (shown := face_search.located(faces, target)).faces:
        sheets.save(contact_sheet(shown), sheet)
        tell(f"Sheet: {sheet}")


def strengths(
    spec: Spec,
    out: Annotated[
        Path | None,
        typer.Option(help="The CSV file to write. Default: strengths.csv beside the images."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate how far every face smiles and opens its mouth.

    What landmarks say becomes a file of labels.

    It holds what was known of the images, too; called labels.csv, it is read with them, and filters
    like smile>0.5 know it. Needs the extra "faces".

    \b
    Example: mindseye data strengths folder:photos
    """
    from gallery.detection import strengths as estimates
    from gallery.detection.shared_mesh import shared_mesh
    from gallery.readers.labels import write_labels
    from gallery.readers.registry import open_faces
    from gallery.summary import remarks_text

    faces = open_faces(spec)
    for line in remarks_text(faces):
        tell(line)
    told: list[Face] = []
    problems: list[Problem] = []
    for some in bar(estimates.estimate(faces, shared_mesh().look), "estimating", len(faces)):
        told += some.faces
        problems += some.problems
    target = out or faces.root / "strengths.csv"
    write_labels(target, told)
    found = {
        "spec": spec,
        "out": str(target),
        "estimated": len(told),
        "left_out": {problem.name: problem.reason for problem in problems},
    }
    if as_json:
        typer.echo(spell(found, ascii_only=False))
        return
    typer.echo(f"{len(told)} of {len(faces)} images estimated: {', '.join(estimates.LINES)}")
    for problem in problems:
        tell(f"left out: {problem.name}: {problem.reason}")
    tell(f"Labels: {target}")
