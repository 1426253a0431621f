"""What a service opens at its start, and what it leaves alone until somebody asks."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mindseye  # noqa: TID251  what it opens is watched
from service.worker import DrawingWorker
from tests.service.conftest import Served

LOOKS = """
import asyncio, json, sys
from pathlib import Path
import httpx
import commands.serve, generator.freed_memory, service.run
from service.app import create_app
from service.settings import ServiceSettings

async def look():
    app = create_app(ServiceSettings(collections=(Path(sys.argv[1]),), device="cpu"))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        paths = ["/", "/v1/system", "/v1/collections", "/v1/labels", "/v1/images"]
        paths += ["/v1/images/1/thumbnail", "/readyz"]
        return {path: (await client.get(path)).status_code for path in paths}

print(json.dumps({"status": asyncio.run(look()), "torch": "torch" in sys.modules}))
"""


def test_who_only_looks_waits_for_no_torch(collection_dir: Path) -> None:
    command = [sys.executable, "-c", LOOKS, str(collection_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["status"].values()) == {200}
    assert not told["torch"]


@pytest.mark.anyio
async def test_what_draws_is_open_before_anybody_asks(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    draw = mindseye.Gallery.draw

    def noted(gallery: mindseye.Gallery, asked: object) -> object:
        drawn.extend(str(wish) for _, wish in asked)  # type: ignore[attr-defined]
        return draw(gallery, asked)  # type: ignore[arg-type]

    monkeypatch.setattr(mindseye.Gallery, "draw", noted)
    async with serve(open_early=True) as client:
        while (answer := await client.get("/readyz")).status_code == 503:
            assert answer.json()["status"] == "starting"
            await asyncio.sleep(0.01)
        assert answer.json() == {"status": "ready", "problem": None}
        assert len(drawn) == 1


@pytest.mark.anyio
async def test_a_gallery_that_cannot_be_opened_early_is_told_to_who_asks(
    serve: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise mindseye.UserError("The weights are gone; build anew")

    monkeypatch.setattr(mindseye.Gallery, "see", fail)
    async with serve(open_early=True) as client:
        while (await client.get("/readyz")).json()["status"] == "starting":
            await asyncio.sleep(0.01)
        answer = await client.post("/v1/draw", data={"id": 1, "wish": "pose=45"})
        assert answer.status_code == 400
        assert "build anew" in answer.json()["detail"]
    empty = serve(open_early=True, collections=(tmp_path / "none",), uploads=tmp_path / "up")
    async with empty as client:
        while (answer := await client.get("/readyz")).json()["status"] == "starting":
            await asyncio.sleep(0.01)
        assert answer.status_code == 200


@pytest.mark.anyio
async def test_while_it_opens_it_is_not_ready_but_shows_the_page(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DrawingWorker, "is_opening", True)
    async with serve() as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "starting")
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/v1/images")).status_code == 200
