from gallery.studio.attributes import EXPRESSIONS
from gallery.studio.expressions import EXPRESSION_UNITS
from gallery.studio.library import Library


def test_every_expression_has_its_units() -> None:
    assert set(EXPRESSION_UNITS) == set(EXPRESSIONS)
    assert not EXPRESSION_UNITS["neutral"]


def test_every_unit_is_a_morph_target(library: Library) -> None:
    units = {unit for weights in EXPRESSION_UNITS.values() for unit in weights}
    assert {unit for unit in units if not library.has_target(unit)} == set()
