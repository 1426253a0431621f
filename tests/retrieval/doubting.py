"""A generator for tests that draws faultlessly, and is in doubt about the values of some images.

What it draws is known: a face of the tiny gallery under a value has the embedding
person x pose x light, one-hot. So an image redrawn in its true pose is found by every drawing of
that person, pose and light, and one redrawn in a wrong pose by none of them.
"""

from collections.abc import Mapping

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.faces import FaceSet
from generator.card import Card
from generator.drawer import DrawnBatch
from tests.drawing import FakeEngine

SURE = 0.99
PEOPLE, POSES, LIGHTS = ("p1", "p2", "p3", "p4", "p5"), ("-45", "0", "45"), ("left", "right")


class Doubting(FakeEngine):
    """Knows the tiny gallery by heart; believes of poses what a test says."""

    def __init__(
        self, card: Card, faces: FaceSet, beliefs: Mapping[str, tuple[float, ...]]
    ) -> None:
        """Look at all faces.

        Args:
            card: Of weights that draw pose.
            faces: The tiny gallery.
            beliefs: By file name the probabilities of -45, 0, 45; of others it is sure, and right.
        """
        super().__init__(card)
        self.drawings = 0
        self._seen: dict[bytes, tuple[int, int, Floats]] = {}
        for face in faces.faces:
            person, pose, light = face.name.removesuffix(".png").rsplit("-", 2)
            person, pose = (person[:2], f"-{pose}") if person.endswith("-") else (person, pose)
            at = POSES.index(pose)
            sure = [SURE if one == at else (1 - SURE) / 2 for one in range(3)]
            log_p = np.log(np.array(beliefs.get(face.name, sure), dtype=np.float32))
            pixels = card.aligner.align(faces.load(face))
            self._seen[pixels.tobytes()] = PEOPLE.index(person), LIGHTS.index(light), log_p

    @property
    def estimates(self) -> bool:
        return True

    def log_probabilities(self, pixels: Pixels) -> Floats:
        return np.stack([self._seen[np.ascontiguousarray(one).tobytes()][2] for one in pixels])

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        self.drawings += len(codes)
        features = np.zeros((len(codes), 5, 3, 2), dtype=np.float32)
        for row, (image, code) in enumerate(zip(pixels, codes, strict=True)):
            known = self._seen.get(np.ascontiguousarray(image).tobytes())
            if known is not None:
                features[row, known[0], code.argmax(), known[1]] = 1
        drawn = pixels.astype(np.float32)
        return DrawnBatch(drawn, drawn, features.reshape(len(codes), -1))
