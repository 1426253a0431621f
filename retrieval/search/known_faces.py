"""What a space knows of where the face is in an image that is asked about."""

from dataclasses import dataclass

from gallery.align import Aligner, Crop
from gallery.catalogue.images import Images


@dataclass(frozen=True, slots=True)
class KnownFaces:
    """What the gallery and the weights know of where faces are.

    Attributes:
        images: Of the catalogue.
        aligner: Of the weights.
    """

    images: Images
    aligner: Aligner

    def has_crop(self, sha256: str) -> bool:
        """Say whether these weights have a crop of their own, or the gallery holds these bytes."""
        return self._holds(sha256) or self.aligner.crop is not None

    def cuts_otherwise(self, sha256: str) -> bool:
        """Say whether faces of the gallery are cut by landmarks, and these bytes are none of it."""
        return not self._holds(sha256) and self.images.has_landmarks()

    def cuts_by_own_crop(self) -> bool:
        """Say whether faces of the gallery are cut by a crop of the weights, none by landmarks."""
        return self.aligner.crop is not None and not self.images.has_landmarks()

    def crop_of(self, sha256: str) -> Crop | None:
        """Return where the face is in an image that the gallery holds, if it knows landmarks.

        Args:
            sha256: Hash of the image's bytes: wherever they lie, and whatever they are called.
        """
        image_ids = list(self.images.holding([sha256]).values())
        known = self.images.landmarks(image_ids)
        return self.aligner.crop_by(known[image_ids[0]]) if known else None

    def _holds(self, sha256: str) -> bool:
        """Say whether an image of these bytes is in the gallery."""
        return bool(self.images.holding([sha256]))
