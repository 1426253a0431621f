"""How the families that learn from labels are trained, unless a TOML file says otherwise.

The notes on their papers print no recipe. Ours is that of most adversarial networks of their time:
Adam with rate 2e-4 and moments 0.5 and 0.999 (Radford et al., "Unsupervised representation learning
with deep convolutional generative adversarial networks", ICLR 2016, section 4), batches of 64.
"""

from gallery.errors import ConfigError, did_you_mean
from generator.config import RECIPES, Recipe, TrainConfig


def labels_recipe(name: str) -> Recipe:
    """Return a recipe by name.

    "paper": a constant rate, no augmentation, full precision. "fast": a rate that falls to zero,
    fewer updates. "tuned": the same with augmentation, then tuned for retrieval as every family can
    be, with a projection to 256 numbers and an attribute estimator.

    Raises:
        ConfigError: There is no such recipe.
    """
    if name not in RECIPES:
        raise ConfigError(f"There is no recipe {name!r}; {did_you_mean(name, RECIPES)}")
    adam = {"optimiser": "adam", "learning_rate": 2e-4, "beta1": 0.5, "batch_size": 64}
    if name == "paper":
        still = {"schedule": "constant", "warmup_steps": 0, "precision": "float32"}
        return Recipe(name=name, train=TrainConfig(**adam, **still, steps=20_000))
    if name == "fast":
        return Recipe(name=name, train=TrainConfig(**adam))
    later = {"tune_steps": 3_000, "estimator_steps": 3_000, "later_learning_rate": 1e-3}
    return Recipe(
        name=name,
        train=TrainConfig(**adam, **later, augmentation=1.0, validation=0.1),
        network={"projection": 256, "estimator": True},
    )
