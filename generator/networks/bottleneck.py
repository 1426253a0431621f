"""What networks with StarGAN's bottleneck share: sizes that fit, and how features are averaged.

Two halvings lead to the bottleneck. Features are averages of its maps on a grid of about
`feature_side` cells a side.
"""

from generator.networks.family import FamilyConfig


class BottleneckConfig(FamilyConfig):
    """Adds no field: each family has its own, in the order in which cards have them."""

    __slots__ = ()

    feature_side: int

    @property
    def pooled(self) -> int:
        """Side of the square whose average is a feature, in cells of the bottleneck."""
        return max(1, self.size // 4 // self.feature_side)

    def require_shape(self, *numbers: str) -> None:
        """Refuse a side that does not fit, and numbers below 1.

        Args:
            numbers: Names of the fields that are at least 1, two at the least.

        Raises:
            ValueError: One is not; the message says which.
        """
        require_size(self.size)
        if min(getattr(self, name) for name in numbers) < 1:
            named = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
            raise ValueError(f"{named} must be positive: {self}")


def require_size(size: int) -> None:
    """Refuse sides that two halvings and the attention unit's further two do not fit.

    Raises:
        ValueError: The side is no multiple of 4 from 32 to 256.
    """
    if size % 4 or not 32 <= size <= 256:
        raise ValueError(
            f"size must be a multiple of 4 from 32 to 256 (128 as published; 64, 60 and 32 are for"
            f" small machines), got {size}"
        )
