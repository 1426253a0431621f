"""The pose of faces by their landmarks: portraits in, log p of every value out.

Shapes: N images, P side of a portrait, A length of the one-hot code.
"""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.detection.face_mesh import Meshes
from gallery.detection.head_pose import head_pose
from gallery.detection.shared_mesh import shared_mesh
from gallery.errors import IndexFileError, WeightsError
from gallery.portraits import NARROW, PortraitForm, form_in
from gallery.third_party import MissingPackageError
from generator.card import Card
from generator.drawer import Drawer
from generator.values import split_scores
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws, pose_of, turns_of


class Mesh(Protocol):
    """Finds the landmarks of faces."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the landmarks of the same portrait would."""

    def look(self, crops: Pixels) -> Meshes:
        """Find 468 points in every crop, (N, S, S, C)."""


@dataclass(frozen=True, slots=True)
class FormedMesh:
    """Finds the landmarks of portraits that are not narrow, and says so.

    Attributes:
        mesh: Finds them.
        form: Form of the portraits.
    """

    mesh: Mesh
    form: PortraitForm

    @property
    def fingerprint(self) -> str:
        """That of the mesh, and the form."""
        return f"{self.mesh.fingerprint} of {self.form}"

    def look(self, crops: Pixels) -> Meshes:
        """Find 468 points in every portrait."""
        return self.mesh.look(crops)


@dataclass(frozen=True, slots=True)
class LandmarkPose:
    """Estimates poses by landmarks, and by the network beside them.

    Attributes:
        calibration: What a yaw is worth.
        mesh: Finds the landmarks.
    """

    calibration: PoseCalibration
    mesh: Mesh

    @property
    def form(self) -> PortraitForm:
        """How the portraits are cut that it wants."""
        return form_in(self.calibration.mesh)

    def estimate(
        self,
        portraits: Pixels,
        network: Floats | None,
        space: AttributeSpace,
        student: Floats | None = None,
    ) -> Floats:
        """Return log p(value | image), laid out as the one-hot code, (N, A).

        Args:
            portraits: Of the faces, (N, P, P, 3).
            network: log p by the network, (N, A); None of weights without an estimator.
            space: The attributes; what is no pose is as the network says.
            student: log p by the student, (N, A); None where it is not asked.
        """
        yaws = yaws_of(self.mesh, portraits)
        return estimate_of(self.calibration, yaws, network, space, student)

    def student_log_p(self, engine: Drawer, pixels: Pixels) -> Floats | None:
        """Return what the student of the weights says of images, (N, A); None if it is not asked.

        Raises:
            WeightsError: The student is missing.
            IndexFileError: The weights have another one than this was fitted with.
        """
        if not self.calibration.student:
            return None
        student = engine.student()
        if not student.sha256.startswith(self.calibration.seer):
            raise IndexFileError(
                f"Poses are estimated with the student {self.calibration.seer} of"
                f" {engine.card.name}, and the weights now have {student.sha256[:16]}; fit again:"
                " mindseye weights fit; and build another --collection"
            )
        return student.look(pixels).log_p


def estimate_of(
    calibration: PoseCalibration,
    yaws: Yaws,
    network: Floats | None,
    space: AttributeSpace,
    student: Floats | None = None,
) -> Floats:
    """Return log p(value | image) of images whose yaws are known; see `LandmarkPose.estimate`."""
    pose = pose_of(space)
    if pose is None:
        raise ValueError(f"{', '.join(space.names)} hold no pose in degrees")
    sizes = [len(attribute.values) for attribute in space]
    if network is None:
        even = [np.full((len(yaws), size), -np.log(size), dtype=np.float32) for size in sizes]
        parts = dict(zip(space.names, even, strict=True))
    else:
        parts = dict(zip(space.names, split_scores(network, space), strict=True))
    own = None if network is None else parts[pose.name]
    seen = None
    if student is not None:
        seen = dict(zip(space.names, split_scores(student, space), strict=True))[pose.name]
    parts[pose.name] = calibration.combined(yaws, own, turns_of(pose), seen)
    return np.concatenate([parts[name] for name in space.names], axis=1)


def log_p_of(
    engine: Drawer, pose: LandmarkPose | None, pixels: Pixels, portraits: Pixels | None
) -> Floats | None:
    """Estimate what images show: log p(value | image), laid out as the one-hot code, (N, A).

    Args:
        engine: Its estimator is asked, if it has one.
        pose: Reads landmarks, if they are read.
        pixels: Aligned images, 0..255, (N, S, S, C).
        portraits: The same faces, (N, P, P, 3); None where landmarks are not read.

    Returns:
        None where neither an estimator nor landmarks say anything.
    """
    network = engine.log_probabilities(pixels) if engine.estimates else None
    if network is None and (pose is None or portraits is None):
        return None
    student = None
    if pose is not None and portraits is not None:
        student = pose.student_log_p(engine, pixels)
    return combined(pose, network, portraits, engine.card.space, student)


def combined(
    pose: LandmarkPose | None,
    network: Floats | None,
    portraits: Pixels | None,
    space: AttributeSpace,
    student: Floats | None = None,
) -> Floats:
    """Return what a network says, and landmarks where they are read: log p, (N, A).

    Args:
        pose: Reads landmarks, if they are read.
        network: log p by a network, (N, A); None where there is none, and landmarks are read.
        portraits: Of the faces, (N, P, P, 3); None where landmarks are not read.
        space: The attributes.
        student: log p by the student besides, (N, A); None where it is not asked.
    """
    if network is not None and (pose is None or portraits is None):
        return network
    if pose is None or portraits is None:
        raise ValueError("neither a network nor landmarks say anything")
    return pose.estimate(portraits, network, space, student)


def yaws_of(mesh: Mesh, portraits: Pixels) -> Yaws:
    """Read yaws off the landmarks of portraits, (N, P, P, 3)."""
    found = mesh.look(portraits)
    return Yaws(head_pose(found.points).yaw, found.presence.astype(np.float64))


def for_card(card: Card) -> LandmarkPose | None:
    """Return what estimates poses for weights in a new space.

    Returns:
        None where nothing was fitted for them, or not with the landmarks that are installed here.
    """
    return _for_card(card)[0]


def why_not(card: Card) -> str:
    """Say why poses are not estimated by landmarks, though that was fitted; empty if they are."""
    return _for_card(card)[1]


def _for_card(card: Card) -> tuple[LandmarkPose | None, str]:
    calibration = PoseCalibration.of(card)
    if calibration is None:
        return None, ""
    try:
        mesh = formed(opened_mesh(), form_in(calibration.mesh))
    except MissingPackageError as error:
        return None, f"by the weights alone, which know photographs less well: {error}"
    if not str(card.student.get("sha256", "")).startswith(calibration.seer):
        return None, (
            f"by the weights alone: {card.name} was fitted with another student than it has; fit"
            " again: mindseye weights fit"
        )
    if mesh.fingerprint == calibration.mesh:
        return LandmarkPose(calibration, mesh), ""
    return None, (
        f"by the weights alone: {card.name} was fitted with other landmarks than are installed"
        " here; fit again: mindseye weights fit"
    )


def for_contract(spelt: str, space: str) -> LandmarkPose | None:
    """Return what a space was built with.

    Args:
        spelt: As in its rule; empty for nothing.
        space: Name, for messages.

    Raises:
        IndexFileError: This version does not know it.
        MissingPackageError: What finds the landmarks is not installed.
        WeightsError: Something else finds them here.
    """
    if not spelt:
        return None
    calibration = PoseCalibration.parse(spelt)
    mesh = formed(opened_mesh(), form_in(calibration.mesh))
    if mesh.fingerprint != calibration.mesh:
        raise WeightsError(
            f"The space {space} estimates poses by the landmarks of {calibration.mesh}, and here"
            f" {mesh.fingerprint} finds them. Install that one, or index the gallery again in"
            " another --collection: mindseye index build"
        )
    return LandmarkPose(calibration, mesh)


def formed(mesh: Mesh, form: PortraitForm) -> Mesh:
    """Return a mesh whose fingerprint says in what form of portraits it looks for faces."""
    return mesh if form == NARROW else FormedMesh(mesh, form)


@cache
def opened_mesh() -> Mesh:
    """Open what finds landmarks, once; in portraits of the narrow form, see `formed`.

    Raises:
        MissingPackageError: It is not installed.
    """
    return shared_mesh()
