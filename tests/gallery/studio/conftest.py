"""The real assets, for the tests that draw; without them those tests are skipped."""

from pathlib import Path

import pytest

from gallery.studio import assets
from gallery.studio.library import Library
from gallery.studio.render import Studio


@pytest.fixture(scope="session")
def assets_folder() -> Path:
    folder = assets.default_folder()
    if not assets.are_there(folder):
        pytest.skip(f"the studio's assets are not in {folder}; run scripts/studio-assets")
    return folder


@pytest.fixture(scope="session")
def library(assets_folder: Path) -> Library:
    return Library(assets_folder)


@pytest.fixture(scope="session")
def studio(assets_folder: Path) -> Studio:
    return Studio(assets_folder, 48)
