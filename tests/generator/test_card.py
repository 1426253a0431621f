import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gallery.align import Aligner, Crop
from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import WeightsError
from generator.card import FORMAT, Card
from generator.weights_file import load_card, packaged_weights

MakeCard = Callable[..., Card]
LOGISTIC = {"bias": -1.5, "slopes": [1, 0.5]}
CALIBRATION = {"measures": ["log_p", "lead"], "first": LOGISTIC, "others": LOGISTIC}
REDRAWING = {"quantiles": {"0.5": 2.0, "0.9": 4, "0.99": 4}, "images": 9}


def test_a_card_survives_the_way_through_json(make_card: MakeCard) -> None:
    space = AttributeSpace((Attribute("pose", ("-45", "0"), "degree"), Attribute("Brille", ("ü",))))
    card = make_card(
        name="gesichter-ü",
        network={"feature_layer": "conv4", "middle_channels": 1},
        space=space,
        aligner=Aligner(size=32, channels=1, crop=Crop(0.25, 0.1, 0.5, 0.5)),
        mean=(1 / 3,),
        deviation=(2 / 3,),
        train_identities=("s2", "s10"),
        data={"spec": "folder:faces", "images": 24},
        recipe={"name": "fast", "learning_rate": 1e-6},
        seed=7,
        metrics={"train": {"pairs": 3, "mse_stage_1": 1.5}, "heldout": None},
        fusion={"log_probability": 0.2, "without_identity": {"log_probability": 0.1}},
        calibration={"fused": CALIBRATION},
        redrawing=REDRAWING,
        sha256="ab" * 32,
        licence="CC BY 4.0",
    )
    assert Card.from_json(json.dumps(card.to_json()), "here") == card


def test_a_card_says_what_a_reader_looks_for(make_card: MakeCard) -> None:
    written = make_card("two-stage-60", sha256="00").to_json()
    assert list(written) == [
        "format",
        "name",
        "architecture",
        "network",
        "attributes",
        "aligner",
        "normalisation",
        "train_identities",
        "data",
        "recipe",
        "seed",
        "metrics",
        "canonicalisation",
        "fusion",
        "calibration",
        "redrawing",
        "sha256",
        "licence",
        "notes",
    ]
    assert written["format"] == 1
    assert written["normalisation"] == {
        "mean": [100.5, 110.25, 90.0],
        "deviation": [50.0, 60.5, 40.75],
    }


def test_a_card_of_a_newer_format_asks_for_a_newer_version(make_card: MakeCard) -> None:
    written = make_card().to_json() | {"format": FORMAT + 1}
    with pytest.raises(
        WeightsError, match=r"^w\.json has card format 2; .*reads 1\. Update mindseye"
    ):
        Card.from_json(json.dumps(written), "w.json")


@pytest.mark.parametrize("field", ["format", "name", "normalisation", "attributes", "licence"])
def test_a_card_without_a_field_is_damaged(make_card: MakeCard, field: str) -> None:
    written = make_card().to_json()
    del written[field]
    with pytest.raises(WeightsError, match=rf"^w\.json is not a card of weights: .*{field}"):
        Card.from_json(json.dumps(written), "w.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("network", 5),
        ("attributes", "pose"),
        ("attributes", [{"name": "pose"}]),
        ("aligner", []),
        ("aligner", {"size": 32}),
        ("normalisation", {"mean": ["x"], "deviation": [1]}),
        ("normalisation", {"mean": [float("nan")], "deviation": [1]}),
        ("normalisation", {"mean": [0], "deviation": [0]}),
        ("normalisation", {"mean": [0], "deviation": [-1]}),
        ("normalisation", {"mean": [0, 0], "deviation": [1]}),
        ("normalisation", {"mean": [0, 0, 0], "deviation": [1, 1, 1]}),
        ("train_identities", 3),
        ("seed", None),
        ("recipe", [1]),
        ("fusion", {"fitted_on": "studio:faces"}),
        ("redrawing", 5),
        ("redrawing", {"measured_on": None}),
        ("redrawing", {"measured_on": {"spec": "studio:faces"}}),
        ("redrawing", {"measured_on": {"people": "anna"}}),
    ],
)
def test_a_card_with_a_wrong_field_is_damaged(make_card: MakeCard, field: str, value: Any) -> None:
    written = make_card().to_json() | {field: value}
    with pytest.raises(WeightsError, match=r"^w\.json is not a card of weights: ") as caught:
        Card.from_json(json.dumps(written), "w.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"card"', "{}", '{"format": 1}', "\0"])
def test_a_text_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(WeightsError, match=r"^w\.json is not a card of weights: "):
        Card.from_json(text, "w.json")


FITTED = {"spec": "studio:x", "people": ["a", "b"], "images": 2, "queries": 2}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("fusion", {"log_probability": "much"}, "fusion.log_probability: .* got 'much'"),
        ("fusion", {"identity": True}, "fusion.identity: .* got True"),
        ("fusion", {"identity": float("inf")}, "holds Infinity, expected finite numbers"),
        ("fusion", {"without_identity": 3}, "fusion.without_identity: .* got 3"),
        ("fusion", {"hypotheses": {"fused": {"tried": []}}}, "hypotheses.fused.tried: "),
        ("fusion", {"hypotheses": {"fused": {"chosen": 2}}}, "hypotheses.fused.chosen: .* got 2"),
        ("fusion", {"hypotheses": {"fused": {"chosen": "3"}}}, "hypotheses are 1, 2, or like"),
        ("fusion", {"fitted_on": FITTED | {"people": [1]}}, "fitted_on.people.0: .* got 1"),
        ("fusion", {"hit_rate": {"fused": {"C1": "x"}}}, "hit_rate.fused.C1: .* got 'x'"),
        ("calibration", {"fused": 5}, "calibration.fused: .* got 5"),
        ("calibration", {"fused": CALIBRATION | {"measures": ["lead"]}}, "a slope for each"),
        ("calibration", {"drawing": CALIBRATION}, "drawing is calibrated by 'log_p', not some"),
        ("calibration", {"fused": CALIBRATION | {"measures": ["luck", "lead"]}}, "by 'luck'"),
        ("calibration", {"fused": CALIBRATION | {"first": {"bias": 1}}}, "first.slopes is lacking"),
        ("redrawing", REDRAWING | {"images": "many"}, "images: .* got 'many'"),
        ("redrawing", REDRAWING | {"quantiles": {"0.5": 3, "0.9": 2, "0.99": 1}}, "must rise"),
        ("canonicalisation", {"rule": "magic"}, "canonicalisation.rule: .* got 'magic'"),
        ("canonicalisation", {"rule": "both", "temperature": "hot"}, "temperature: .* got 'hot'"),
        ("metrics", {"heldout": {"mse_stage_2": "low"}}, "mse_stage_2: .* got 'low'"),
        ("data", {"validation": 7}, "data.validation: .* got 7"),
        ("network", {"projection": [3]}, "network.projection"),
        ("seed", 10**30, "at most 64 bits"),
        ("notes", ["x"], "notes: .* got"),
        ("attributes", [{"name": "pose", "values": list("ab"), "unit": 4}], "0.unit: .* got 4"),
        ("licence", None, "licence: .* got None"),
    ],
)
def test_a_card_with_wrong_types_within_is_one_clear_line(
    make_card: MakeCard, field: str, value: Any, why: str
) -> None:
    written = make_card().to_json() | {field: value}
    with pytest.raises(
        WeightsError, match=rf"^w\.json is not a card of weights: .*{why}"
    ) as caught:
        Card.from_json(json.dumps(written), "w.json")
    said = str(caught.value)
    assert said.endswith(". Copy both files of the weights again, NAME.safetensors and NAME.json")
    assert "\n" not in said


def test_a_card_nested_a_hundred_thousand_deep_is_refused(make_card: MakeCard) -> None:
    written = json.dumps(make_card().to_json() | {"metrics": "@"})
    with pytest.raises(WeightsError, match="nested deeper than 32, as none of its kind is"):
        Card.from_json(written.replace('"@"', "[" * 100_000 + "]" * 100_000), "w.json")


def test_every_card_that_ships_is_read() -> None:
    for path in packaged_weights().values():
        load_card(path)


def test_a_bare_training_machine_reads_cards_without_the_library_for_shapes(
    make_card: MakeCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.json_files._installed", lambda: False)
    monkeypatch.setitem(sys.modules, "pydantic", None)  # to import it fails
    card = make_card(fusion={"identity": 0.5})
    assert Card.from_json(json.dumps(card.to_json()), "w.json") == card
    written = card.to_json() | {"normalisation": {"mean": [0], "deviation": ["x"]}}
    with pytest.raises(WeightsError, match=r"^w\.json is not a card of weights: "):
        Card.from_json(json.dumps(written), "w.json")
