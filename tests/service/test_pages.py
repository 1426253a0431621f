"""docs/http.md and docs/http-api.md: examples run, the reference is what OpenAPI says."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("uvicorn", reason='needs the extra "serve"')

from scripts.http_reference import reference
from service.settings import ServiceSettings, hash_of
from tests.service.conftest import TOKEN
from tests.service.live import listening
from tests.waiting import NEVER_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "http.md").read_text("utf-8")
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_example_of_the_page_runs(collection_dir: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(collection_dir, tmp_path / "my-faces"))
    for number, name in enumerate(("me.jpg", "a.jpg", "b.jpg")):
        Image.effect_noise((48, 48), 20 + number).save(tmp_path / name)
    settings = ServiceSettings(
        collections=(own,),
        uploads=tmp_path / "my-uploads",
        token_sha256=hash_of(TOKEN),
        device="cpu",
    )
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "MINDSEYE_TOKEN": TOKEN}
    with listening(settings) as url:
        printed = ""
        for kind, code in BLOCK.findall(PAGE):
            text = code.replace("http://localhost:8000", url).replace("localhost:8000", url)
            command = [sys.executable, "-c"] if kind == "python" else ["bash", "-euc"]
            done = subprocess.run(
                [*command, text],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=NEVER_S,
            )
            assert done.returncode == 0, f"{code}\n{done.stderr}"
            printed += done.stdout
    assert printed.count('"hits":') == 2
    assert '"state":"done"' in printed
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "7.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_the_reference_is_what_the_service_says_of_itself() -> None:
    written = (ROOT / "docs" / "http-api.md").read_text("utf-8")
    assert written == reference(), "write it anew: PYTHONPATH=. python scripts/http_reference.py"


@pytest.mark.parametrize("name", ["Containerfile", "Containerfile.gpu"])
def test_a_container_copies_what_the_wheel_holds(name: str) -> None:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    text = (ROOT / "deploy" / name).read_text("utf-8")
    copied = {
        word
        for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE)
        for word in line.split()
    }
    assert wheel <= copied
    assert all((ROOT / one).exists() for one in copied)
    (extras,) = re.findall(r'"\.\[(.*?)\]"', text)
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
