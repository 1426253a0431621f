"""Adversarial editors: which part every loss reaches, what the turns change, and that they learn.

Shapes: B batch, A length of the one-hot code.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generator.runs.trainer import Trainer
from generator.training.plan import BatchSpec, Update
from tests.generator.editing import SPACE, adam, lit, tiny

EDITORS = ("sargan", "stargan", "stgan", "ganimation", "tfem")
DRAWING = {
    "sargan": {"encoder", "blocks", "decoder"},
    "stargan": {"encoder", "blocks", "decoder"},
    "stgan": {"encoder", "units", "decoder", "norms"},
    "ganimation": {"encoder", "blocks", "decoder", "colours", "attention"},
    "tfem": {"encoder", "middle", "units", "decoder", "last"},
}
# Which children of the critic or of the network the gradient of a term reaches.
REACHED = {
    "critic": {"trunk", "verdict"},
    "penalty": {"trunk", "verdict"},
    "values_real": {"trunk", "values"},
    "reading": {"reader"},
}


@pytest.fixture(autouse=True)
def own_chance() -> Iterator[None]:
    """Let no test depend on chance that others have used."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def training(name: str, **changes: Any) -> Trainer:
    """Prepare a tiny editor with both heads, of which its own stage trains neither."""
    config = adam(**changes)
    heads = {"projection": 8, "estimator": True}
    return Trainer(tiny(name, **heads), lit(), config, seed=0, space=SPACE)


def fixed(trainer: Trainer) -> Any:
    """Return always the same batch."""
    lesson = BatchSpec(
        trainer.data,
        trainer.config,
        torch.contiguous_format,
        np.random.default_rng(0),
        lambda: torch.arange(len(trainer.data)),
    )
    return trainer.stages[1].batch(lesson)


def touched(module: nn.Module) -> set[str]:
    """Name the children that a gradient has reached, and not as zeros alone."""
    return {
        name.partition(".")[0]
        for name, parameter in module.named_parameters()
        if parameter.grad is not None and bool(parameter.grad.abs().max() > 0)
    }


@pytest.mark.parametrize("name", EDITORS)
def test_every_term_reaches_the_parts_it_should_and_no_others(name: str) -> None:
    trainer = training(name)
    seen = set()
    for turn in trainer.stages[1].turns:
        for term in turn.terms(fixed(trainer)):
            with trainer.only(turn.parts):
                turn.terms(fixed(trainer))[term].backward()
            expected = REACHED.get(term, DRAWING[name])
            modules: list[nn.Module] = [trainer.network, trainer.beside]
            whose, other = modules[::-1] if turn.name == "critic" else modules
            assert touched(whose) == expected, term
            assert all(one.grad is None for one in other.parameters()), term
            trainer.network.zero_grad()
            trainer.beside.zero_grad()
            seen.add(term)
    assert seen == set(trainer.network.LOSSES)
    assert all(one.requires_grad for one in trainer.parameters())


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


@pytest.mark.parametrize("name", EDITORS)
def test_the_generator_is_updated_after_its_critic_was_so_often(name: str) -> None:
    trainer = training(name, critic_steps=2, steps=4)
    before = weights(trainer.network), weights(trainer.beside)
    for step in trainer.steps():
        after = weights(trainer.network), weights(trainer.beside)
        changed = [
            {key.partition(".")[0] for key, value in old.items() if not value.equal(new[key])}
            for old, new in zip(before, after, strict=True)
        ]
        reader = {"reader"} & set(dict(trainer.network.named_children()))
        drawing = DRAWING[name] if step.number % 2 == 0 else set()
        assert changed == [drawing | reader, {"trunk", "verdict", "values"}], step.number
        assert ("adversarial" in step.terms) == (step.number % 2 == 0)
        before = after


KEPT = {
    **dict.fromkeys(("sargan", "stargan", "ganimation"), "cycle"),
    **dict.fromkeys(("stgan", "tfem"), "reconstruction"),
}


def learn(
    turn: Update, trainer: Trainer, updates: int, batch: Callable[[], Any] | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Update one turn's parts on a batch, the fixed one; return its terms before and after."""
    always = batch or (lambda: fixed(trainer))
    optimiser = torch.optim.Adam((p for part in turn.parts for p in part.parameters()), lr=3e-3)
    noted = []
    for _ in range(updates + 1):
        with trainer.only(turn.parts):
            terms = turn.terms(always())
            optimiser.zero_grad()
            turn.loss(terms).backward()
        noted.append({name: value.item() for name, value in terms.items()})
        optimiser.step()
    return noted[0], noted[-1]


@pytest.mark.parametrize("name", EDITORS)
def test_a_few_updates_lower_the_terms_of_a_fixed_batch(name: str) -> None:
    told = {"ganimation": 10.0, "tfem": 30.0}.get(name, 1.0)  # codes err by less than values
    weights = {"critic": 0.0, "penalty": 0.0, "adversarial": 0.0, KEPT[name]: 3.0, "values": told}
    trainer = training(name, weights=weights)
    critic, *others, generator = trainer.stages[1].turns
    for turn, terms, updates in (
        (critic, ["values_real"], 11),
        *((other, ["reading"], 15) for other in others),
        (generator, [KEPT[name], "values"], 45),
    ):
        before, after = learn(turn, trainer, updates)
        for term in terms:
            assert after[term] < 0.7 * before[term], (term, before, after)
