import doctest
import inspect
import subprocess
import sys

import pytest

from gallery import attributes, errors
from gallery.errors import DatasetError, ImageError, UserError, did_you_mean


def test_every_error_is_a_user_error_and_stands_in_the_tree_at_the_top() -> None:
    kinds = [
        k for _, k in inspect.getmembers(errors, inspect.isclass) if k.__module__ == errors.__name__
    ]
    assert len(kinds) >= 8
    assert all(issubclass(kind, UserError) for kind in kinds)
    assert all(kind.__name__ in str(errors.__doc__) for kind in kinds)
    assert all(kind.__doc__ for kind in kinds)


def test_an_image_error_is_an_error_of_the_data() -> None:
    assert issubclass(ImageError, DatasetError)


def test_the_hint_names_the_nearest_and_all_known() -> None:
    assert did_you_mean("sunglases", ["open", "sunglasses"]) == (
        "did you mean 'sunglasses'? Known: open, sunglasses"
    )


def test_the_hint_overlooks_capitals_and_spells_as_known() -> None:
    assert did_you_mean("multipie", ["MultiPIE"]).startswith("did you mean 'MultiPIE'?")
    assert did_you_mean("EYES", ["eyes"]).startswith("did you mean 'eyes'?")


def test_without_anything_near_the_hint_lists_what_is_known() -> None:
    assert did_you_mean("zzz", ["pose", "eyes"]) == "Known: pose, eyes"


def test_the_hint_says_when_nothing_is_known() -> None:
    assert did_you_mean("pose", []) == "None is known"


@pytest.mark.parametrize("module", [errors, attributes])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


def test_reading_a_gallery_loads_no_network_and_no_database() -> None:
    code = (
        "import sys, gallery.readers.registry, gallery.pixels, gallery.sheets;"
        "print({'torch', 'sqlalchemy', 'typer', 'rich'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
