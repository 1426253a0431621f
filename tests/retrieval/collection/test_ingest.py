"""Files read side by side: JPEGs no larger than who cuts them out needs."""

from pathlib import Path

import numpy as np
import pytest

from gallery import images
from gallery.align import Aligner
from gallery.readers.registry import open_faces
from retrieval.collection import ingest
from retrieval.collection.ingest import AlignedFace, Reading
from tests.gallery.formats.pictures import encode
from tests.gallery.formats.test_reduced import photograph

FACE, PORTRAIT = Aligner(size=12, channels=1), Aligner(size=40, channels=3)


@pytest.mark.parametrize(("portraits", "part"), [(None, 8), (PORTRAIT, 2)])
def test_a_jpeg_is_decoded_as_large_as_the_larger_cut_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portraits: Aligner | None, part: int
) -> None:
    (tmp_path / "one.jpg").write_bytes(encode(photograph(), "JPEG", quality=95))
    whole = images.load(tmp_path / "one.jpg")
    decoded = []

    def decode(data: bytes, reduce: images.Reduce) -> object:
        decoded.append(images.decode(data, reduce=reduce))
        return decoded[-1]

    monkeypatch.setattr(ingest, "decode", decode)
    faces = open_faces(f"folder:{tmp_path}")
    with Reading(faces, FACE, portraits, threads=1) as reading:
        read = reading.look(faces.faces, {})
        (cut,) = reading.align([(one, None) for one in read])
    assert [images.decoding_of(image).reduction for image in decoded] == [part]
    assert isinstance(cut, AlignedFace)
    assert np.abs(cut.pixels.astype(int) - FACE.align(whole)).mean() < 1
    if portraits is not None:
        assert cut.portrait is not None
        assert np.abs(cut.portrait.astype(int) - portraits.align(whole)).mean() < 1
