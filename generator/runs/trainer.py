"""The training loop: stage after stage. It yields steps and prints nothing.

Stages 1 and 2 are the family's own (of the two-stage networks the papers': first the first network,
then the refiner). Two more follow where the recipe asks for them: 3 tunes the network for
retrieval, 4 trains the estimator (`generator/networks/retrieval_stages.py`). A family with more
than two stages of its own has these two after them.

Which images make up a batch depends on nothing but the seed, the stage and the step, so a run that
was stopped and resumed computes what an undisturbed one would have.

Shapes: B batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import shorten

import numpy as np
import torch
from torch import Tensor, nn

from gallery.attributes import AttributeSpace
from gallery.errors import WeightsError
from gallery.faces import Face
from generator.networks.family import Network
from generator.networks.retrieval_stages import estimator_stage, tuning_stage
from generator.training.config import TUNE, TrainConfig
from generator.training.contrastive import HardBatches
from generator.training.data import TrainingData, scheduled
from generator.training.plan import BatchSpec, PlanContext, Terms, Update

JITTER, BESIDE = 1, 2  # apart from the seeds of the order


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """What one step did.

    Attributes:
        stage: Counts from 1.
        number: Counts from 1 within its stage.
        loss: Of the last update, a scalar, still on its device: reading its value waits for the
            GPU.
        learning_rate: Rate the updates were made with.
        terms: What the losses of its updates were made of, by name, not weighted; as `loss`.
    """

    stage: int
    number: int
    loss: Tensor
    learning_rate: float
    terms: Mapping[str, Tensor] = field(default_factory=dict)


class Trainer:
    """Train a network, from any step on."""

    def __init__(  # noqa: PLR0913  what families differ in asking for
        self,
        network: Network,
        data: TrainingData,
        config: TrainConfig,
        seed: int,
        *,
        contrast: HardBatches | None = None,
        space: AttributeSpace | None = None,
        faces: Sequence[Face] = (),
    ) -> None:
        """Prepare; the network must already be on the data's device, and is changed in place.

        Args:
            network: To be trained.
            data: To train on; with labels, if the estimator is to be trained.
            config: How; its precision settled.
            seed: Seed of order and augmentation, and of networks that only the training needs.
            contrast: Batches of the tuning stage; needed if there is one.
            space: Attributes of the estimator; needed if it is trained.
            faces: Whose images the data are, for families that ask.

        Raises:
            ValueError: The precision is "auto", or a plan has other stages than its family says.
        """
        if config.precision == "auto":
            raise ValueError("settle the precision first (generator/precision.py)")
        self.network = network
        self.data = data
        self.config = config
        self.seed = seed
        random = torch.Generator().manual_seed(int(_random(seed, BESIDE).integers(2**63)))
        plan = network.plan(PlanContext(config, data, space, random, faces))
        if len(plan.stages) != network.OWN_STAGES:
            raise ValueError(
                f"{type(network).__name__} plans {len(plan.stages)} stages and says OWN_STAGES ="
                f" {network.OWN_STAGES}; benchmarks give rivals as many updates"
            )
        self.beside = plan.beside.to(data.pixels.device)
        self.layout = torch.channels_last if config.channels_last else torch.contiguous_format
        for parameter in (*network.parameters(), *self.beside.parameters()):
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=self.layout)
        self.stages = dict(enumerate(plan.stages, start=1))
        after = max(len(plan.stages) + 1, TUNE)
        self.stages[after] = tuning_stage(network, config, contrast)
        self.stages[after + 1] = estimator_stage(network, config, space)
        self._epoch: tuple[int, int] = (0, -1)
        self._order = torch.empty(0, dtype=torch.int64)
        self._enter(1, 0)

    def steps(self) -> Iterator[TrainingStep]:
        """Update until all stages are trained, and yield after each step."""
        self.network.train()
        self.beside.train()
        for stage in [stage for stage in self.stages if stage >= self.stage]:
            if not self.stages[stage].steps:
                continue
            if stage != self.stage:
                self._enter(stage, 0)
            while self.number < self.stages[stage].steps:
                yield self.update_once()

    def state(self) -> dict[str, Tensor]:
        """Return the weights of all networks and the optimisers' memory, by name.

        Parameters are counted through all optimisers of the stage.
        """
        tensors = {
            f"{kind}.{name}": value
            for kind, module in (("network", self.network), ("beside", self.beside))
            for name, value in module.state_dict().items()
        }
        before = 0
        for optimiser in self.optimisers:
            for position, memory in optimiser.state_dict()["state"].items():
                for name, value in memory.items():
                    if isinstance(value, Tensor):
                        tensors[f"optimiser.{before + position}.{name}"] = value
            before += _count(optimiser)
        return tensors

    def restore(self, stage: int, number: int, tensors: Mapping[str, Tensor]) -> None:
        """Go on after step `number` of `stage`, from what `state` returned then.

        Raises:
            WeightsError: The tensors are not those of these networks and optimisers.
        """
        memory: dict[int, dict[str, Tensor]] = {}
        weights: dict[str, dict[str, Tensor]] = {"network": {}, "beside": {}}
        try:
            self._enter(stage, number)
            for name, value in tensors.items():
                kind, _, rest = name.partition(".")
                if kind in weights:
                    weights[kind][rest] = value
                else:
                    position, _, key = rest.partition(".")
                    memory.setdefault(int(position), {})[key] = value
            self.network.load_state_dict(weights["network"])
            self.beside.load_state_dict(weights["beside"])
            self._remember(memory)
        except (RuntimeError, ValueError, KeyError) as error:
            message = shorten(str(error), 200, placeholder=" …")
            raise WeightsError(f"The checkpoint does not fit this network: {message}") from error

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return all that is trained, and what stands beside it."""
        yield from self.network.parameters()
        yield from self.beside.parameters()

    def _remember(self, memory: Mapping[int, dict[str, Tensor]]) -> None:
        before = 0
        for optimiser in self.optimisers:
            count = _count(optimiser)
            own = {at - before: m for at, m in memory.items() if before <= at < before + count}
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": own, "param_groups": groups})
            before += count
        if any(at >= before for at in memory):
            raise ValueError(f"it remembers {max(memory) + 1} parameters, not {before}")

    def _enter(self, stage: int, number: int) -> None:
        """Stand after a step of a stage, with optimisers that remember nothing."""
        self.stage, self.number = stage, number
        turns = self.stages[stage].turns if self.stages[stage].steps else ()
        self.optimisers = [self._optimiser(turn) for turn in turns]

    def _optimiser(self, turn: Update) -> torch.optim.Optimizer:
        config = self.config
        parameters = [p for part in turn.parts for p in part.parameters()]
        rate, betas = config.learning_rate, (config.beta1, config.beta2)
        if config.optimiser == "sgd":
            return torch.optim.SGD(parameters, lr=rate, momentum=config.momentum)
        if config.optimiser == "adam":
            return torch.optim.Adam(parameters, lr=rate, betas=betas)
        return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=config.weight_decay)

    def update_once(self) -> TrainingStep:
        """Draw a batch, and update what is due; say what it lost."""
        stage = self.stages[self.stage]
        peak = self.config.learning_rate if stage.peak is None else stage.peak
        rate = scheduled(self.number, stage.steps, self.config, peak)
        random = _random(self.seed, self.stage, self.number, JITTER)
        lesson = BatchSpec(self.data, self.config, self.layout, random, self._chosen)
        with self._autocast():
            batch = stage.batch(lesson)
        loss = torch.zeros(())
        terms: Terms = {}
        for turn, optimiser in zip(stage.turns, self.optimisers, strict=True):
            if (self.number + 1) % turn.every == 0:
                with self.only(turn.parts), self._autocast():
                    found = turn.terms(batch)
                    loss = turn.loss(found)
                _update(optimiser, loss, rate)
                terms |= {name: value.detach() for name, value in found.items()}
        self.number += 1
        return TrainingStep(self.stage, self.number, loss.detach(), rate, terms)

    @contextmanager
    def only(self, parts: Iterable[nn.Module]) -> Iterator[None]:
        """Let gradients reach these parts alone."""
        reached = {id(p) for part in parts for p in part.parameters()}
        held = [p for p in self.parameters() if p.requires_grad and id(p) not in reached]
        for parameter in held:
            parameter.requires_grad_(False)  # noqa: FBT003  PyTorch's signature
        try:
            yield
        finally:
            for parameter in held:
                parameter.requires_grad_(True)  # noqa: FBT003

    def _autocast(self) -> torch.autocast:
        half = self.config.precision == "bfloat16"
        return torch.autocast(self.data.pixels.device.type, torch.bfloat16, enabled=half)

    def _chosen(self) -> Tensor:
        """Positions of this step's pairs: the next ones of the endless shuffled epochs, (B,)."""
        total, size = len(self.data), self.config.batch_size
        start = self.number * size
        parts = []
        while size > 0:
            epoch, offset = divmod(start, total)
            part = self._shuffled(epoch)[offset : offset + size]
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return torch.cat(parts)

    def _shuffled(self, epoch: int) -> Tensor:
        if self._epoch != (self.stage, epoch):
            order = torch.from_numpy(
                _random(self.seed, self.stage, epoch).permutation(len(self.data))
            )
            self._epoch, self._order = (self.stage, epoch), order.to(self.data.sources.device)
        return self._order


def _update(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _count(optimiser: torch.optim.Optimizer) -> int:
    return sum(len(group["params"]) for group in optimiser.param_groups)


def _random(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
