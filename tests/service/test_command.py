"""`mindseye serve`: who may ask, what is said at start, what is missing."""

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest

from service.run import Address
from service.settings import ServiceSettings
from tests.running import Mindseye
from tests.service.conftest import TOKEN


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the command would start, in place of starting it."""
    seen: list[Any] = []

    def note(settings: ServiceSettings, address: Address, greet: Any) -> None:
        greet("http://there")
        seen.extend((settings, address))

    monkeypatch.setattr("service.run.run", note)
    monkeypatch.delenv("MINDSEYE_TOKEN", raising=False)
    return seen


def test_on_this_machine_questions_are_free_and_a_token_is_made(
    mindseye: Mindseye, started: list[Any], collection_dir: Path
) -> None:
    said = mindseye("serve", "--collection", collection_dir, "--port", 0).err
    settings, address = started
    assert (address.host, address.port) == ("127.0.0.1", 0)
    assert not settings.token_for_reading
    assert "localhost" in settings.hosts
    (link,) = [word for word in said.split() if word.startswith("http://there/#token=")]
    assert settings.accepts(link.partition("=")[2])
    assert not settings.accepts("")


def test_others_need_the_token_that_was_given(
    mindseye: Mindseye,
    started: list[Any],
    collection_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", "utf-8")
    host = ("--host", "0.0.0.0")  # noqa: S104  nothing is started
    file = ("--token-file", tmp_path / "token")
    said = mindseye("serve", "--collection", collection_dir, *host, *file).err
    assert TOKEN not in said
    assert (started[0].token_for_reading, started[0].hosts) == (True, ())
    assert started[0].accepts(TOKEN)
    started.clear()
    monkeypatch.setenv("MINDSEYE_TOKEN", TOKEN)
    mindseye("serve", "--collection", collection_dir)
    assert started[0].token_for_reading
    monkeypatch.setenv("MINDSEYE_TOKEN", "short")
    assert "is no token" in mindseye("serve", "--collection", collection_dir).err


def test_the_demonstration_is_a_collection_of_its_own(
    mindseye: Mindseye, started: list[Any]
) -> None:
    mindseye("serve", "--demo")
    assert started[0].demo
    assert [str(one) for one in started[0].collections] == ["mindseye-demo/collection"]


def test_what_is_not_installed_is_named(
    mindseye: Mindseye, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else real(name)
    )
    said = mindseye("serve", "--demo").err
    assert 'serve needs uvicorn: pip install "mindseye[serve]"' in said
    assert started == []


def test_a_port_that_is_taken_and_a_missing_collection_are_told(
    mindseye: Mindseye, collection_dir: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = mindseye("serve", "--collection", collection_dir, "--port", port).err
        assert f"Cannot listen at 127.0.0.1 port {port}" in said
        assert "--port" in said
    assert "There is no collection" in mindseye("serve", "--collection", tmp_path / "no").err
