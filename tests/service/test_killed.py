"""A service that is killed while it takes uploads loses nothing, and holds nothing twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import mindseye  # noqa: TID251  its tests may
from tests.service.conftest import HEADERS, TOKEN, httpx
from tests.waiting import NEVER_S

ROOT = Path(__file__).parents[2]
KILLS = 2
PAUSES = (0.0, 0.3)  # seconds after an upload was answered; the work goes on meanwhile


@pytest.fixture
def own(collection_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(collection_dir, tmp_path / "own"))


class Started:
    """A service in a process of its own."""

    def __init__(self, own: Path, uploads: Path) -> None:
        code = "import sys; from cli import main; sys.argv = ['mindseye', *sys.argv[1:]]; main()"
        said = ["serve", "--collection", own, "--uploads", uploads, "--port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, said), "--device", "cpu"],
            cwd=ROOT,
            env={**os.environ, "MINDSEYE_TOKEN": TOKEN, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("Serving at http://"), line + self.process.stderr.read()
        self.url = line.split()[-1]

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=NEVER_S)
        return self.process.returncode


def picture(path: Path, seed: int) -> bytes:
    Image.effect_noise((40, 40), 5 + seed).save(path)
    return path.read_bytes()


def test_nothing_is_lost_or_double_when_it_is_killed(own: Path, tmp_path: Path) -> None:
    uploads, accepted = tmp_path / "uploads", 0
    for kill in range(KILLS):
        started = Started(own, uploads)
        files = [("image", picture(tmp_path / "new.png", 10 * kill + n)) for n in range(3)]
        data = {"identity": f"new{kill}"}
        told = httpx.post(
            f"{started.url}/v1/images", files=files, data=data, headers=HEADERS, timeout=NEVER_S
        )
        assert told.status_code == 202, told.text
        accepted += 3
        time.sleep(PAUSES[kill % len(PAUSES)])
        started.end(signal.SIGKILL)
    started = Started(own, uploads)
    until = time.monotonic() + NEVER_S
    while time.monotonic() < until:
        jobs = httpx.get(f"{started.url}/v1/jobs", headers=HEADERS, timeout=NEVER_S).json()["jobs"]
        if all(job["state"] == "done" for job in jobs):
            break
        time.sleep(0.1)
    assert started.end(signal.SIGTERM) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    with mindseye.open_gallery(own) as gallery:
        assert gallery.count() == 30 + accepted
        for kill in range(KILLS):
            assert gallery.count(f"identity=new{kill} and state=indexed") == 3
        assert gallery.verify()["ok"]
    assert not list(uploads.rglob(".part-*"))
