"""Profiles of a card: what was fitted for several kinds of faces."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from gallery.errors import ConfigError
from generator.card import Card

MakeCard = Callable[..., Card]


def fitted(card: Card, spec: str, weight: float, people: list[str]) -> Card:
    """A card as a fit on some faces leaves it."""
    on = {"spec": spec, "people": people}
    fusion = {"log_probability": weight, "identity": 1.0, "fitted_on": on}
    redrawing = {
        "quantiles": {"0.5": weight, "0.9": 2 * weight, "0.99": 3 * weight},
        "images": 200,
        "measured_on": on,
    }
    return replace(card, fusion=fusion, redrawing=redrawing)


def two_profiles(make_card: MakeCard) -> Card:
    drawn = fitted(make_card(), "studio:x", 0.1, ["s1"])
    return drawn.with_profile("photographs", fitted(drawn, "folder:y", 0.5, ["ann"]))


def test_a_card_holds_what_was_fitted_for_several_kinds_of_faces(make_card: MakeCard) -> None:
    card = two_profiles(make_card)
    assert card.profile == "default"
    assert card.fusion["log_probability"] == 0.1
    photographs = card.under("photographs")
    assert photographs.fusion["log_probability"] == 0.5
    assert photographs.profile == "photographs"
    assert photographs.under("default") == card
    assert Card.from_json(json.dumps(card.to_json()), "here") == card


def test_everybody_that_any_profile_was_fitted_on_has_been_seen(make_card: MakeCard) -> None:
    assert {"s1", "ann"} <= set(two_profiles(make_card).seen)


def test_a_profile_without_a_name_takes_that_of_a_fit_on_the_same_faces(
    make_card: MakeCard,
) -> None:
    drawn = fitted(make_card(), "studio:x", 0.1, ["s1"])
    again = drawn.with_profile("drawn faces", fitted(drawn, "studio:x", 0.2, ["s1"]))
    assert (again.profile, again.profiles) == ("drawn faces", {})
    assert again.fusion["log_probability"] == 0.2


def test_a_profile_that_is_not_there_is_told(make_card: MakeCard) -> None:
    with pytest.raises(ConfigError, match="no profile 'photograph'; did you mean 'photographs'"):
        two_profiles(make_card).under("photograph")
    with pytest.raises(ConfigError, match="--profile cannot be"):
        make_card().with_profile("a/b", make_card())


def test_a_card_without_profiles_is_spelt_as_before(make_card: MakeCard) -> None:
    assert not {"profile", "profiles"} & make_card().to_json().keys()
