"""Kill `mindseye serve` while it takes uploads, again and again; then count what it holds.

    PYTHONPATH=. python benchmarks/serve_kills.py COLLECTION --kills 50

The collection is copied. Every upload that was answered must be in the gallery once, and that
be whole. Kills fall at random moments after an upload was sent: before or after it was answered.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
from PIL import Image

import mindseye  # noqa: TID251  it counts

TOKEN = "a-token-of-the-benchmark"  # noqa: S105  of no service but this one
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PAUSE_S = 2.0
ASK_S = 0.2  # between two looks at the jobs


def main() -> None:
    """Kill, start again, count; print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=600, help="seconds for what is left")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)  # noqa: S311  moments, no secrets
    with tempfile.TemporaryDirectory() as folder:
        own = Path(shutil.copytree(asked.collection, Path(folder) / "own"))
        uploads = Path(folder) / "uploads"
        with mindseye.open_gallery(own) as gallery:
            before = gallery.count()
        answered = [kill_once(own, uploads, number, chance) for number in range(asked.kills)]
        finish(own, uploads, asked.patience)
        sys.stdout.write(json.dumps(counted(own, before, answered), indent=1) + "\n")


def start(own: Path, uploads: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a service; return its process and address."""
    said = ["serve", "--collection", str(own), "--uploads", str(uploads), "--port", "0"]
    code = "import sys; from cli import main; sys.argv = ['mindseye', *sys.argv[1:]]; main()"
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", code, *said],
        env={**os.environ, "MINDSEYE_TOKEN": TOKEN},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101  a pipe was asked for
    return process, process.stderr.readline().split()[-1]


def kill_once(own: Path, uploads: Path, number: int, chance: random.Random) -> bool:
    """Send an image named for this kill, and kill the service; say whether it had answered."""
    process, url = start(own, uploads)
    path = uploads.parent / "new.png"
    Image.effect_noise((60, 60), 5 + number).save(path)
    timer = threading.Timer(chance.uniform(0, PAUSE_S), process.kill)
    timer.start()
    try:
        files = {"image": path.read_bytes()}
        said = {"identity": f"killed{number}"}
        told = httpx.post(f"{url}/v1/images", files=files, data=said, headers=HEADERS, timeout=60)
        answered = told.status_code == 202
    except httpx.HTTPError:
        answered = False
    timer.join()
    process.communicate()
    return answered


def finish(own: Path, uploads: Path, patience_s: float) -> None:
    """Start once more, and wait for what was left; end the benchmark where that takes too long."""
    process, url = start(own, uploads)
    end = time.monotonic() + patience_s
    try:
        while left := unfinished(url):
            if time.monotonic() > end:
                sys.exit(f"after {patience_s:.0f} s {left} jobs are not done; see --patience")
            time.sleep(ASK_S)
    finally:
        process.terminate()
        process.communicate()


def unfinished(url: str) -> int:
    """Count the jobs that wait or run."""
    jobs = httpx.get(f"{url}/v1/jobs", headers=HEADERS, timeout=60).json()["jobs"]
    return sum(job["state"] in ("waiting", "running") for job in jobs)


def counted(own: Path, before: int, answered: list[bool]) -> dict[str, object]:
    """Count what of each upload is there."""
    with mindseye.open_gallery(own) as gallery:
        held = [gallery.count(f"identity=killed{number}") for number in range(len(answered))]
        return {
            "kills": len(answered),
            "answered": sum(answered),
            "lost": sum(said and not one for said, one in zip(answered, held, strict=True)),
            "double": sum(one > 1 for one in held),
            "images": [before, gallery.count()],
            "whole": gallery.verify()["ok"],
        }


if __name__ == "__main__":
    main()
