"""The index contract: under which terms embeddings can be compared.

Two embeddings may meet only if everything that made them is the same. The contract lists that, is
written beside the embeddings, and its digest goes into every index that is made of them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from gallery.errors import IndexFileError

SHOWN = 40  # characters of a value that an error message quotes
LONGEST = 200  # characters of the rest of a message
SHOWN_OF_HASH = 12  # of a longer one without spaces and signs, which nobody reads
_AGAIN = "Build the space again: mindseye index build"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexContract:
    """Everything that two embeddings must share to be compared.

    Attributes:
        extractor: Name of the network and layer that the embedding is taken from.
        weights_sha256: SHA-256 of its weights, in hexadecimal.
        attribute_space: Names of the attributes with their values, in one-hot order.
        aligner: How faces are brought to the same place before.
        canonicalisation: Rule that chooses the canonical view: reconstruction, estimator, both.
        projection: Mean-centring and projection of the features; "none" for raw features.
        dimension: Length D of an embedding.
        metric: How embeddings are compared.
        dtype: Number type of an embedding.
    """

    extractor: str
    weights_sha256: str
    attribute_space: tuple[tuple[str, tuple[str, ...]], ...]
    aligner: str
    canonicalisation: str
    projection: str
    dimension: int
    metric: str = "inner product"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name not in ("attribute_space", "dimension") and not isinstance(value, str):
                raise TypeError(f"{name} must be a string, got {value!r}")
        if type(self.dimension) is not int or self.dimension < 1:
            raise ValueError(f"dimension must be a positive integer, got {self.dimension!r}")
        if self.attribute_space != _space(self.attribute_space):
            raise TypeError(f"attribute_space must hold tuples, got {self.attribute_space!r}")

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back."""
        space = [[name, list(values)] for name, values in self.attribute_space]
        return asdict(self) | {"attribute_space": space}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            IndexFileError: A key is unknown or missing, or a value has another type.
        """
        if not isinstance(data, Mapping):
            raise IndexFileError(f"An index contract is a JSON object, got {_cut(data)}. {_AGAIN}")
        known = {field.name for field in fields(cls)}
        for problem, names in (("unknown", set(data) - known), ("missing", known - set(data))):
            if names:
                listed = ", ".join(sorted(map(_cut, names)))
                raise IndexFileError(f"The index contract has {problem} keys: {listed}. {_AGAIN}")
        try:
            return cls(**dict(data) | {"attribute_space": _space(data["attribute_space"])})
        except (TypeError, ValueError) as error:
            raise IndexFileError(
                f"The index contract is damaged: {_brief(str(error))}. {_AGAIN}"
            ) from error

    def digest(self) -> str:
        """Return the SHA-256 of the contract as JSON with sorted keys and no spaces, in ASCII."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def first_difference(self, other: "IndexContract") -> str | None:
        """Describe the first term on which two contracts differ, or return None.

        Returns:
            Such as "projection: none here, pca-256 there": self is here, other is there.
        """
        for field in fields(self):
            here, there = getattr(self, field.name), getattr(other, field.name)
            if here != there:
                return f"{field.name}: {_compared(_text(here), _text(there))}"
        return None

    def require_same(self, other: "IndexContract", *, what: str) -> None:
        """Refuse another contract.

        Args:
            other: Contract of what is there.
            what: What is there, such as "The space pose-60"; the message starts with it.

        Raises:
            IndexFileError: The contracts differ; the message names the first difference.
        """
        difference = self.first_difference(other)
        if difference is not None:
            raise IndexFileError(
                f"{what} was made under another contract: {difference}. Use the weights and"
                " settings it was made with, or another --collection, or weights of another name"
            )


def _space(data: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:  # noqa: ANN401  JSON is what it is
    """Turn the lists of JSON into tuples; TypeError or ValueError if they hold anything else."""
    if isinstance(data, str) or any(isinstance(values, str) for _, values in data):
        raise TypeError(f"attribute_space must list names with lists of values, got {data!r}")
    space = tuple((name, tuple(values)) for name, values in data)
    texts = [text for name, values in space for text in (name, *values)]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"attribute_space must hold strings, got {data!r}")
    return space


def _text(value: Any) -> str:  # noqa: ANN401  a field of any type
    """Spell a value so that no two of one field look alike."""
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)


def _cut(value: object) -> str:
    """Spell a value that is none of ours in one short line."""
    if isinstance(value, str) and value.isprintable():
        return _brief(value)
    return _brief(repr(value))


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _compared(here: str, there: str) -> str:
    pairs = enumerate(zip(here, there, strict=False))
    shorter = min(len(here), len(there))
    at = next((place for place, (one, other) in pairs if one != other), shorter)
    return f"{_shown(here, at)} here, {_shown(there, at)} there"


def _shown(text: str, at: int) -> str:
    """Quote a value, or of a long one the part around the place where it starts to differ."""
    if len(text) <= SHOWN:
        return text
    width = SHOWN_OF_HASH if text.isalnum() else SHOWN
    start = 0 if at < width else at - width // 2
    end = start + width
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
