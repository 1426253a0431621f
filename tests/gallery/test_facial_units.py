from gallery.facial_units import STRENGTHS
from gallery.studio.geometry import NEUTRAL, FaceExpression


def test_units_are_named_as_arkit_names_them_in_small_letters() -> None:
    assert STRENGTHS["jaw-open"] == {"jawOpen": 1.0}
    assert STRENGTHS["brow-down-left"] == {"browDownLeft": 1.0}
    assert len(STRENGTHS) == 45
    assert all(name == name.lower() and "_" not in name for name in STRENGTHS)


def test_a_strength_scales_its_units_and_adds_to_a_named_expression() -> None:
    assert NEUTRAL.units(1.3) == {}
    half = FaceExpression("neutral", (("jaw-open", 0.5), ("smile", 0.25)))
    assert half.units(gain=7.0)["jawOpen"] == 0.5  # whoever it is
    assert half.units(1.0)["mouthSmileLeft"] == 0.25
    both = FaceExpression("happy", (("jaw-open", 0.5),)).units(2.0)
    assert both["jawOpen"] == 2 * 0.2 + 0.5
