"""Damaged cards and weights: refused in one line, or used without a fault."""

import json
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from gallery.files import file_sha256
from gallery.json_files import spell
from generator.canonical import Rule, canonicalise
from generator.card import Card
from generator.checkpoint import save_weights
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.networks.two_stage import initialise
from generator.reconstruction_error import Usual
from generator.zoo import WeightsFile as Shown
from generator.zoo import to_text
from retrieval.scoring import terms
from retrieval.scoring.confidence import measure_names
from retrieval.scoring.profile import ScoreProfile
from tests.fuzzing import damaged, damaged_json, quick_and_long, tried

SPACE = AttributeSpace((Attribute("pose", ("-45", "0", "45"), "degree"),))
LOGISTIC = {"bias": -1.5, "slopes": [1.0, 0.5, 0.25, 2.0]}
FITTED = {"spec": "studio:x", "people": ["a", "b"], "images": 20, "queries": 30, "seed": 0}
WEIGHED = {"log_probability": 0.02, "identity": 0.5, "hit_rate": {"C1": 0.9, "C2": None}}


def a_card() -> Card:
    """Return a card that says something of everything."""
    network = architecture("two-stage-32").build(SPACE.size, {"estimator": True, "projection": 8})
    return Card(
        name="fuzzed-32",
        architecture="two-stage-32",
        network=network.config.settings(),
        space=SPACE,
        aligner=Aligner(size=32, channels=1),
        mean=(110.0,),
        deviation=(60.0,),
        train_identities=("p1", "p2"),
        data={"spec": "folder:x", "images": 3, "sha256": "ab", "validation": ["p2"]},
        recipe={"name": "tuned", "steps": 10, "tune_steps": 2, "batch_size": 4},
        metrics={"headline": "MSE 3", "heldout": {"mse_stage_2": 3.0}, "train_loss": 0.5},
        canonicalisation={"rule": "both", "temperature": 30.0, "accuracy": {"estimator": 0.9}},
        fusion={
            **WEIGHED,
            "clip": -10,
            "without_identity": {"log_probability": 0.1},
            "hypotheses": {"fused": {"chosen": "2 within 1.5", "tried": {"2 within 1.5": WEIGHED}}},
            "hit_rate": {"fused": {"C1": 0.9, "C2": 0.8}},
            "fitted_on": FITTED,
        },
        calibration={
            "fused": {
                "measures": list(measure_names(("drawing", "log_p", "identity"))),
                "first": LOGISTIC,
                "others": LOGISTIC,
                "expected_calibration_error": 0.01,
            }
        },
        redrawing={
            "quantiles": {"0.5": 2.5, "0.9": 4.0, "0.99": 20.0},
            "images": 200,
            "measured_on": {"spec": "studio:x", "people": ["a"]},
        },
    )


class WeightsFiles:
    """Damages cards, and weights whose card has their hash."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.good, self.path = folder / "good.safetensors", folder / "bad.safetensors"
        card = a_card()
        network = architecture(card.architecture).build(SPACE.size, card.network)
        initialise(network, torch.Generator().manual_seed(0))
        self.card = spell(save_weights(self.good, network, card).to_json(), indent=1)
        shutil.copy(self.good, self.path)
        self.path.with_suffix(".json").write_text(self.card, "utf-8")
        used(self.path)

    def __call__(self, random: Random) -> None:
        card = self.path.with_suffix(".json")
        if random.random() < 0.75:
            shutil.copy(self.good, self.path)
            card.write_bytes(damaged_json(self.card, random))
        else:
            self.path.write_bytes(damaged(self.good.read_bytes(), random))
            told = json.loads(self.card) | {"sha256": file_sha256(self.path)}
            card.write_text(json.dumps(told), "utf-8")
        used(self.path)


def used(path: Path) -> None:
    """Do with weights what `weights show`, `index build` and `query` do with them."""
    shown = Shown.at(path)
    spell(shown.describe())
    to_text(shown).encode(errors="surrogateescape")
    engine = Engine.open(path, torch.device("cpu"))
    card = engine.card
    side = (card.aligner.size, card.aligner.size, card.aligner.channels)
    pixels = np.full((2, *side), 100, dtype=np.uint8)
    found = canonicalise(engine, pixels, Rule.of(card))
    assert np.isfinite(found.embeddings).all()
    Usual.of(card)
    profile = ScoreProfile.of(card)
    for score in terms.SCORES:
        hypotheses = profile.chosen(score)
        profile.weights(score, hypotheses)
        told = profile.calibration(score, hypotheses) or profile.calibration(score)
        if told is not None:
            answers = np.array([0.9, 0.5], dtype=np.float32)
            parts = dict.fromkeys(("drawing", "log_p", "identity"), answers)
            assert np.isfinite(told.of_answers(answers, parts)).all()


@pytest.mark.parametrize("seeds", quick_and_long(40, 1000))
def test_damaged_weights_are_refused_in_one_line(tmp_path: Path, seeds: range) -> None:
    told = tried(WeightsFiles, tmp_path, seeds)
    assert told["refused"] > 0
