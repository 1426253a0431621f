"""Canonical views against the definition: image by image, value by value, one drawing at a time."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import Attribute, Condition
from gallery.errors import IndexFileError
from generator.canonical import CanonicalViews, Rule, canonicalise
from generator.drawer import Closest, Drawer, DrawnBatch
from generator.engine import Engine
from tests.drawing import FakeEngine, card_of

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
EYES = Attribute("eyes", ("open", "closed", "sunglasses", "patch"))


class Pencil(FakeEngine):
    """Draws from a table: the redrawing under a code is the source plus what the table says."""

    def __init__(self, *attributes: Attribute, seed: int = 0, levels: int = 1_000) -> None:
        super().__init__(card_of(*attributes))
        random = np.random.default_rng(seed)
        size = self.card.space.size
        self.table = random.integers(0, levels, (size, 4)).astype(np.float32)
        self.drawings = 0

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        """Draw so that the attributes do not act each for itself: their sum is taken modulo."""
        self.drawings += len(codes)
        offset = (codes @ self.table).reshape(-1, 2, 2, 1) * (1 + pixels[:, :1, :1]) % 17
        refined = (pixels + offset).astype(np.float32)
        features = np.concatenate([refined.reshape(len(codes), -1), codes], axis=1)
        return DrawnBatch(refined, refined, features.astype(np.float32))


def some_pixels(count: int, seed: int = 1) -> Pixels:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 2, 2, 1), dtype=np.uint8)


def error(engine: Drawer, image: Pixels, condition: Condition) -> float:
    code = engine.card.space.one_hot(condition)
    drawn = engine.draw(image[None], code[None]).refined[0]
    return float(np.mean((drawn.astype(np.float64) - image) ** 2))


def slow_estimate(engine: Drawer, image: Pixels) -> Condition:
    """Attribute by attribute, in order, the first of the values that come closest."""
    space = engine.card.space
    chosen = Condition({attribute.name: attribute.values[0] for attribute in space.attributes})
    for attribute in space.attributes:
        errors = [
            error(engine, image, chosen.replace({attribute.name: value}))
            for value in attribute.values
        ]
        chosen = chosen.replace({attribute.name: attribute.values[int(np.argmin(errors))]})
    return chosen


def check(engine: Drawer, pixels: Pixels, canonical: CanonicalViews) -> None:
    """Compare with the definition, image by image."""
    for position, image in enumerate(pixels):
        expected = slow_estimate(engine, image)
        assert canonical.estimates[position] == expected
        drawn = engine.draw(image[None], engine.card.space.one_hot(expected)[None])
        assert (canonical.images[position] == drawn.refined[0]).all()
        feature = drawn.features[0].astype(np.float64)
        assert canonical.embeddings[position] == pytest.approx(
            feature / np.sqrt((feature**2).sum()), abs=1e-6
        )
        assert canonical.errors[position] == pytest.approx(error(engine, image, expected))


@given(st.integers(0, 1_000), st.integers(1, 6), st.sampled_from([3, 1_000]))
def test_of_one_attribute_the_value_whose_redrawing_is_closest_is_kept(
    seed: int, count: int, levels: int
) -> None:
    engine = Pencil(POSE, seed=seed, levels=levels)  # few levels: many ties
    pixels = some_pixels(count, seed)
    check(engine, pixels, canonicalise(engine, pixels))


@given(st.integers(0, 1_000), st.permutations([POSE, LIGHT, EYES]))
def test_several_attributes_are_chosen_one_after_the_other(
    seed: int, attributes: list[Attribute]
) -> None:
    engine = Pencil(*attributes, seed=seed)
    pixels = some_pixels(4, seed)
    check(engine, pixels, canonicalise(engine, pixels))


def test_the_order_of_the_attributes_matters_and_the_full_product_is_not_drawn() -> None:
    pixels = some_pixels(40)
    engine = Pencil(POSE, LIGHT, EYES, seed=3)
    canonical = canonicalise(engine, pixels)
    assert engine.drawings == 40 * (3 + 2 + 4)
    best = [
        min(
            product(POSE.values, LIGHT.values, EYES.values),
            key=lambda values: error(
                engine, image, Condition(pose=values[0], light=values[1], eyes=values[2])
            ),
        )
        for image in pixels
    ]
    greedy = [tuple(estimate.values()) for estimate in canonical.estimates]
    assert greedy != best


def test_of_equally_close_values_the_earlier_is_kept() -> None:
    engine = Pencil(POSE, LIGHT)
    engine.table[:] = 5
    canonical = canonicalise(engine, some_pixels(3))
    assert canonical.estimates == (Condition(pose="-45", light="left"),) * 3
    engine.table[0] = 6
    assert canonicalise(engine, some_pixels(1) * 0).estimates[0]["pose"] == "0"


def test_the_pixels_given_are_left_alone() -> None:
    pixels = some_pixels(5)
    before = pixels.copy()
    canonicalise(Pencil(POSE, EYES), pixels)
    assert (pixels == before).all()


def test_a_generator_without_attributes_has_no_canonical_view() -> None:
    with pytest.raises(ValueError, match="a generator without attributes has no canonical view"):
        canonicalise(Pencil(), some_pixels(1))


def test_a_real_generator_gives_the_views_of_the_definition(pose_weights: Path) -> None:
    engine = Engine.open(pose_weights, torch.device("cpu"))
    pixels = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 1), dtype=np.uint8)
    canonical = canonicalise(engine, pixels)
    for position, image in enumerate(pixels):
        assert canonical.estimates[position] == slow_estimate(engine, image)
    assert np.linalg.norm(canonical.embeddings, axis=1) == pytest.approx(np.ones(3), abs=1e-6)


def test_an_image_is_not_changed_by_its_neighbours() -> None:
    engine, pixels = Pencil(POSE, EYES, seed=5), some_pixels(9)
    whole = canonicalise(engine, pixels)
    for chosen in (slice(0, 4), slice(4, 9)):
        part = canonicalise(engine, pixels[chosen])
        assert whole.estimates[chosen] == part.estimates
        assert (whole.images[chosen] == part.images).all()
        assert (whole.embeddings[chosen] == part.embeddings).all()
        assert (whole.errors[chosen] == part.errors).all()


class Guessing(Pencil):
    """Has an estimator that says what the test says, of every image the same."""

    def __init__(self, *attributes: Attribute, likely: list[float]) -> None:
        super().__init__(*attributes)
        self.probabilities = np.array([likely], dtype=np.float32)
        self.handicaps: list[Floats | None] = []

    def closest(
        self,
        pixels: Pixels,
        codes: Floats,
        *,
        handicap: Floats | None = None,
        refine_best: int | None = None,
    ) -> Closest:
        self.handicaps.append(handicap)
        return super().closest(pixels, codes, handicap=handicap, refine_best=refine_best)


def test_the_estimator_chooses_all_values_at_once_and_each_image_is_drawn_once() -> None:
    engine = Guessing(POSE, LIGHT, likely=[0.2, 0.5, 0.3, 0.1, 0.9])
    pixels = some_pixels(4)
    for rule in (Rule("estimator"), Rule("both", 30.0)):
        engine.drawings = 0
        canonical = canonicalise(engine, pixels, rule)
        assert canonical.estimates == (Condition(pose="0", light="right"),) * 4
        assert engine.drawings == 4
        drawn = engine.draw(pixels, np.array([[0, 1, 0, 0, 1]] * 4, dtype=np.float32))
        assert (canonical.images == drawn.refined).all()
        assert canonical.errors == pytest.approx(
            np.square(drawn.refined - pixels).mean(axis=(1, 2, 3))
        )
        assert np.linalg.norm(canonical.embeddings, axis=1) == pytest.approx(np.ones(4))


def test_the_expected_view_of_an_image_in_doubt_is_the_mean_over_its_values() -> None:
    likely = [0.2, 0.5, 0.3, 0.4, 0.6]
    engine = Guessing(POSE, LIGHT, likely=likely)
    pixels = some_pixels(4)
    canonical = canonicalise(engine, pixels, Rule("expected"))
    drawings = engine.drawings
    shares, views = [], []
    for pose, light in product(range(3), range(2)):
        shares.append((likely[pose] * likely[3 + light]) ** 3)
        codes = (
            np.eye(5, dtype=np.float32)[[pose] * 4] + np.eye(5, dtype=np.float32)[[3 + light] * 4]
        )
        views.append(normalise(engine.draw(pixels, codes).features))
    kept = [share if share / sum(shares) >= 0.02 else 0.0 for share in shares]
    assert 0 < kept.count(0.0) < 5
    assert drawings == 4 * (6 - kept.count(0.0))
    weighted = [share * view for share, view in zip(kept, views, strict=True)]
    mean = np.stack(weighted).sum(axis=0)
    assert canonical.embeddings == pytest.approx(normalise(mean), abs=1e-6)
    guessed = canonicalise(engine, pixels, Rule("estimator"))
    assert canonical.estimates == guessed.estimates
    assert (canonical.images == guessed.images).all()
    assert (canonical.errors == guessed.errors).all()
    assert not np.allclose(canonical.embeddings, guessed.embeddings, atol=1e-3)


def test_the_expected_view_of_an_image_in_no_doubt_is_its_one_redrawing() -> None:
    engine = Guessing(POSE, LIGHT, likely=[0.05, 0.9, 0.05, 0.1, 0.9])
    pixels = some_pixels(4)
    canonical = canonicalise(engine, pixels, Rule("expected"))
    assert engine.drawings == 4
    guessed = canonicalise(engine, pixels, Rule("estimator"))
    assert canonical.embeddings == pytest.approx(guessed.embeddings, abs=1e-6)


def test_both_weighs_the_probability_by_the_temperature() -> None:
    engine = Guessing(POSE, likely=[0.2, 0.5, 0.3])
    canonicalise(engine, some_pixels(2), Rule("both", 30.0))
    assert engine.handicaps[0] == pytest.approx(-30 * np.log([[0.2, 0.5, 0.3]] * 2))
    canonicalise(engine, some_pixels(2), Rule())
    assert engine.handicaps[1] is None


@pytest.mark.parametrize(
    "rule",
    [
        Rule(),
        Rule("estimator"),
        Rule("expected"),
        Rule("both", 30.0),
        Rule("both", 0.5, 2),
        Rule("reconstruction", 0.0, 3),
    ],
)
def test_a_rule_is_read_back_from_its_name(rule: Rule) -> None:
    assert Rule.parse(str(rule)) == rule


def test_rules_have_the_names_that_contracts_hold() -> None:
    assert str(Rule()) == "reconstruction"
    assert str(Rule("reconstruction", 0.0, 2)) == "reconstruction, best 2 refined"
    assert str(Rule("both", 30.0)) == "both, temperature 30"
    with pytest.raises(IndexFileError, match="by the rule 'guess', which this version does not"):
        Rule.parse("guess")


def test_weights_name_their_rule_on_the_card() -> None:
    card = Pencil(POSE).card
    assert Rule.of(card) == Rule()
    chosen = {"rule": "both", "temperature": 30.0, "accuracy": {"both 30": 0.9}}
    assert Rule.of(replace(card, canonicalisation=chosen), 2) == Rule("both", 30.0, 2)
