from hypothesis import given
from hypothesis import strategies as st

from gallery.catalogue.parts import LOOKUP, parts


@given(st.lists(st.integers(0, 2_000), max_size=3_000))
def test_parts_hold_every_value_once_in_order_and_never_too_many(values: list[int]) -> None:
    cut = list(parts(values))
    assert [value for part in cut for value in part] == list(dict.fromkeys(values))
    assert all(0 < len(part) <= LOOKUP for part in cut)


def test_nothing_has_no_parts() -> None:
    assert list(parts([])) == []
