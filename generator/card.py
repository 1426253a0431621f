"""The card of a set of weights: everything needed to use it rightly, and how it came about."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from textwrap import shorten
from typing import Any, Self

from gallery.align import Aligner
from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, WeightsError, did_you_mean
from gallery.json_files import Origin, check, parse
from generator.card_schema import CardShape

FORMAT = 1
AGAIN = "Copy both files of the weights again, NAME.safetensors and NAME.json"
DEFAULT_PROFILE = "default"
PROFILE_PARTS = ("fusion", "calibration", "redrawing", "landmarks")
# Weights name embedding spaces, and these are folders.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What stands in the JSON file beside the weights.

    Attributes:
        name: Name of the weights, and of the embedding spaces made with them.
        architecture: Its registered name.
        network: Settings of the architecture: every one that a recipe may change.
        space: The attributes that can be wished for.
        aligner: How faces are cut out, alike in training, gallery and query.
        mean: Mean of each channel of the training images, grey levels 0..255.
        deviation: Standard deviation of each channel, likewise.
        train_identities: Everybody the weights have seen.
        data: SPEC, number of images and hash of what they were trained on; under "validation", if
            there are any, those of `train_identities` that nothing but choices was made with.
        recipe: Name and settings of the training.
        seed: Seed of initialisation and order.
        metrics: What was measured after training.
        canonicalisation: How canonical views are best chosen, as measured on held-out training
            people: {"rule": name, "temperature": squared grey levels}; empty for the papers' rule.
        fusion: How much log-probabilities and identities weigh in a search, and whether gallery
            images have second hypotheses, as fitted on people that the weights have not seen
            (docs/scoring.md), with the fingerprint of the recogniser that told identities; empty
            where nothing was fitted.
        calibration: How sure answers are, by score, as fitted on the same people; likewise.
        redrawing: How far canonical views usually are from their images, as measured on people
            that nothing was trained on (generator/reconstruction_error.py); empty where nobody
            measured.
        landmarks: What poses read off landmarks are worth beside what the weights estimate, as
            fitted on people that they have not seen (retrieval/estimation/pose_calibration.py);
            empty where nothing was fitted.
        profile: What kind of faces `fusion`, `calibration`, `redrawing` and `landmarks` are of,
            such as "drawn faces"; "default" where nobody said.
        profiles: The same four of other kinds of faces, by name; see `under`.
        student: Of the student that was taught by the weights (generator/student/): "sha256" of its
            file, "network" and "dimension", its "recipe", whom it has "learnt_from", "size", and
            under "agreement" how well it agrees with them; empty where there is none.
        sha256: SHA-256 of the weights' file; empty until it is written.
        licence: Licence of the weights.
        notes: What a user should know before trusting them; empty if nothing.
    """

    name: str
    architecture: str
    network: Mapping[str, Any] = field(default_factory=dict)
    space: AttributeSpace
    aligner: Aligner
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    train_identities: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    canonicalisation: Mapping[str, Any] = field(default_factory=dict)
    fusion: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    redrawing: Mapping[str, Any] = field(default_factory=dict)
    landmarks: Mapping[str, Any] = field(default_factory=dict)
    profile: str = DEFAULT_PROFILE
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    student: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    licence: str = "not stated"
    notes: str = ""

    @property
    def seen(self) -> tuple[str, ...]:
        """Everybody that the weights were trained on, or choices on this card were made with."""
        people = list(self.train_identities)
        for kind in (self._kind(), *self.profiles.values()):
            people += _people(kind.get("fusion", {}), "fitted_on")
            people += _people(kind.get("redrawing", {}), "measured_on")
            people += _people(kind.get("landmarks", {}), "fitted_on")
        people += _people(self.student, "learnt_from")
        return tuple(dict.fromkeys(people))

    def under(self, profile: str) -> Self:
        """Return the card with what was fitted for another kind of faces in its first place.

        What stood there stays among `profiles`.

        Raises:
            ConfigError: The card has no such profile.
        """
        if profile == self.profile:
            return self
        if profile not in self.profiles:
            known = [self.profile, *self.profiles]
            raise ConfigError(
                f"{self.name} has no profile {profile!r}; {did_you_mean(profile, known)}"
            )
        others = {self.profile: self._kind(), **self.profiles}
        others.pop(profile)
        chosen = self.profiles[profile]
        return replace(
            self,
            fusion=dict(chosen.get("fusion", {})),
            calibration=dict(chosen.get("calibration", {})),
            redrawing=dict(chosen.get("redrawing", {})),
            landmarks=dict(chosen.get("landmarks", {})),
            profile=profile,
            profiles=others,
        )

    def with_profile(self, name: str | None, fitted: Self) -> Self:
        """Return the card with what was fitted for a kind of faces.

        Args:
            name: Of the profile; None, or the name of the first one, for the card's first place.
                A first place without a name takes it, where it is empty or was fitted on the same
                faces.
            fitted: The card as it was fitted, in its first place.

        Raises:
            ConfigError: The name is none, or there are too many profiles.
        """
        if name is not None and not NAME.fullmatch(name.replace(" ", "-")):
            raise ConfigError(
                f"--profile cannot be {name!r}; a name has letters, digits, spaces, '.', '_' and"
                " '-', at most 64, such as photographs"
            )
        if name is None or name == self.profile:
            return fitted
        unnamed = self.profile == DEFAULT_PROFILE and name not in self.profiles
        if unnamed and (not self.fusion or _spec(self) == _spec(fitted)):
            return replace(fitted, profile=name)
        return replace(self, profiles={**self.profiles, name: fitted._kind()})

    def _kind(self) -> dict[str, Any]:
        parts = {part: dict(getattr(self, part)) for part in PROFILE_PARTS}
        return {part: said for part, said in parts.items() if said or part != "landmarks"}

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back."""
        return {
            "format": FORMAT,
            "name": self.name,
            "architecture": self.architecture,
            "network": dict(self.network),
            "attributes": self.space.to_json(),
            "aligner": self.aligner.to_json(),
            "normalisation": {"mean": list(self.mean), "deviation": list(self.deviation)},
            "train_identities": list(self.train_identities),
            "data": dict(self.data),
            "recipe": dict(self.recipe),
            "seed": self.seed,
            "metrics": dict(self.metrics),
            "canonicalisation": dict(self.canonicalisation),
            "fusion": dict(self.fusion),
            "calibration": dict(self.calibration),
            "redrawing": dict(self.redrawing),
            **({"landmarks": dict(self.landmarks)} if self.landmarks else {}),
            **({} if self.profile == DEFAULT_PROFILE else {"profile": self.profile}),
            **({"profiles": dict(self.profiles)} if self.profiles else {}),
            **({"student": dict(self.student)} if self.student else {}),
            "sha256": self.sha256,
            "licence": self.licence,
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, text: bytes | str, where: str) -> Self:
        """Read what `to_json` wrote.

        Args:
            text: JSON, in UTF-8 if it is bytes.
            where: File it came from, for the message.

        Raises:
            WeightsError: It is not a card, or one of a newer format.
        """
        origin = Origin(where, WeightsError, AGAIN, "is not a card of weights")
        data = parse(text, origin)
        try:
            if data["format"] != FORMAT:
                raise WeightsError(
                    f"{where} has card format {data['format']!r:.40}; this version reads {FORMAT}."
                    " Update mindseye"
                )
            check(data, CardShape, origin)
            aligner = Aligner.from_json(data["aligner"])
            mean = _numbers(data["normalisation"]["mean"], aligner.channels)
            deviation = _numbers(data["normalisation"]["deviation"], aligner.channels)
            if min(deviation) <= 0:
                raise ValueError(f"deviation must be above 0, got {deviation}")
            fusion, redrawing = dict(data.get("fusion", {})), dict(data.get("redrawing", {}))
            profiles = {name: dict(kind) for name, kind in data.get("profiles", {}).items()}
            landmarks = dict(data.get("landmarks", {}))
            card = cls(
                name=str(data["name"]),
                architecture=str(data["architecture"]),
                network=dict(data["network"]),
                space=AttributeSpace.from_json(data["attributes"]),
                aligner=aligner,
                mean=mean,
                deviation=deviation,
                train_identities=tuple(map(str, data["train_identities"])),
                data=dict(data["data"]),
                recipe=dict(data["recipe"]),
                seed=int(data["seed"]),
                metrics=dict(data["metrics"]),
                canonicalisation=dict(data.get("canonicalisation", {})),
                fusion=fusion,
                calibration=dict(data.get("calibration", {})),
                redrawing=redrawing,
                landmarks=landmarks,
                profile=str(data.get("profile", DEFAULT_PROFILE)),
                profiles=profiles,
                student=dict(data.get("student", {})),
                sha256=str(data["sha256"]),
                licence=str(data["licence"]),
                notes=str(data.get("notes", "")),
            )
            _ = card.seen  # what names people must name them
        except (ConfigError, KeyError, TypeError, ValueError) as error:
            why = shorten(repr(error), 300, placeholder=" …")
            raise WeightsError(f"{where} is not a card of weights: {why}. {AGAIN}") from error
        return card


def _spec(card: Card) -> object:
    """Return which faces the first profile of a card was fitted on, as the user named them."""
    return card.fusion.get("fitted_on", {}).get("spec")


def _numbers(data: Any, channels: int) -> tuple[float, ...]:  # noqa: ANN401  JSON is what it is
    numbers = tuple(map(float, data))
    if len(numbers) != channels or not all(map(math.isfinite, numbers)):
        raise ValueError(f"expected {channels} finite numbers, got {data!r}")
    return numbers


def _people(fitted: Mapping[str, Any], when: str) -> tuple[str, ...]:
    """Return whom something on a card was fitted on; nobody if it does not say that it was."""
    told = fitted.get(when, {})
    if told == {}:
        return ()
    people = told.get("people") if isinstance(told, Mapping) else None
    if not isinstance(people, list | tuple):
        raise ValueError(f"{when} must name its people, got {told!r}")
    return tuple(map(str, people))
