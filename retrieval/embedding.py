"""What two embeddings must share to be compared: the index contract of some weights."""

import json
from collections.abc import Callable

from generator.card import Card
from generator.drawer import Drawer
from index.contract import IndexContract

RAW = "none"  # the papers' features, not projected


def contract_of(engine: Drawer, rule: str) -> IndexContract:
    """Return the terms under which this generator's embeddings can be compared.

    Args:
        engine: The generator.
        rule: How canonical views are chosen.
    """
    return contract_from_card(engine.card, rule, engine.dimension)


def contract_from_card(
    card: Card, rule: str, dimension: int, spell: Callable[[str], str] = str
) -> IndexContract:
    """Return the terms, without loading the weights; see `contract_of`.

    Args:
        card: Of the generator.
        rule: How canonical views are chosen.
        dimension: Length of a whole vector.
        spell: Adds to the name of the projection what a vector holds besides a drawing's embedding
            (`Score.spell`).
    """
    projection = card.network.get("projection", 0)
    return IndexContract(
        extractor=json.dumps(
            {
                "architecture": card.architecture,
                **card.network,
                "mean": card.mean,
                "deviation": card.deviation,
            }
        ),
        weights_sha256=card.sha256,
        attribute_space=tuple((a.name, a.values) for a in card.space.attributes),
        aligner=json.dumps(card.aligner.to_json(), sort_keys=True),
        canonicalisation=rule,
        projection=spell(f"linear-{projection}" if projection else RAW),
        dimension=dimension,
    )
