"""Changes over HTTP: images added, removed and labelled, beside searches, and across restarts."""

import asyncio
import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import mindseye  # noqa: TID251  its tests may
from gallery.detection.geometry import DetectedFace
from service import stored
from tests.service.conftest import HEADERS

pytestmark = pytest.mark.anyio


@pytest.fixture
def own(collection_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny collection, to be changed."""
    return Path(shutil.copytree(collection_dir, tmp_path / "own"))


@pytest.fixture
def pictures(tmp_path: Path) -> list[bytes]:
    """Six images that the tiny gallery does not hold."""
    made = []
    for number in range(6):
        path = tmp_path / f"new-{number}.png"
        Image.effect_noise((48, 48), 10 + number).save(path)
        made.append(path.read_bytes())
    return made


async def ended(client: Any, job: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of a job."""
    for _ in range(1200):
        told: dict[str, Any] = (await client.get(f"/v1/jobs/{job['id']}", headers=HEADERS)).json()
        if told["state"] in ("done", "failed", "cancelled"):
            return told
        await asyncio.sleep(0.05)
    raise AssertionError(told)


async def total(client: Any, where: str | None = None) -> int:
    asked = {} if where is None else {"where": where}
    found: int = (await client.get("/v1/images", params={"limit": 1, **asked})).json()["total"]
    return found


LABELLED = {"identity": "new", "label": ["pose=45", "light=left"]}


async def test_uploads_are_taken_in_once_and_found(
    serve: Any, own: Path, pictures: list[bytes], tmp_path: Path
) -> None:
    async with serve(collections=(own,), uploads=tmp_path / "uploads") as client:
        files, data = [("image", one) for one in pictures], LABELLED
        told = await client.post("/v1/images", files=files, data=data, headers=HEADERS)
        assert told.status_code == 202, told.text
        job = await ended(client, told.json())
        assert told.headers["location"] == f"/v1/jobs/{job['id']}"
        assert (job["state"], job["problem"]) == ("done", None)
        assert (job["result"]["indexed"], job["result"]["skipped"]) == (6, [])
        assert await total(client, "identity=new and pose=45") == 6
        again = await client.post("/v1/images", files=files, data=data, headers=HEADERS)
        job = await ended(client, again.json())
        assert job["result"]["indexed"] == 0
        assert await total(client) == 36
        assert len(await new_ones(client, pictures[0])) == 6


async def new_ones(client: Any, image: bytes) -> list[int]:
    """Search among the images that were uploaded."""
    asked = {"wish": "pose=45", "where": "identity=new", "k": 10}
    found = await client.post("/v1/query", files={"image": image}, data=asked)
    return [hit["id"] for hit in found.json()["hits"]]


async def test_what_was_uploaded_is_labelled_anew_and_removed_for_good(
    serve: Any, own: Path, pictures: list[bytes], tmp_path: Path
) -> None:
    uploads = tmp_path / "uploads"
    for name in ("first", "second"):  # the same images twice
        stored.store(uploads / "own", name, pictures, {"identity": "new"})
    async with serve(collections=(own,), uploads=uploads) as client:
        for job in (await client.get("/v1/jobs")).json()["jobs"]:
            assert (await ended(client, job))["state"] == "done"
        ids = await new_ones(client, pictures[0])
        changed = await client.patch(
            "/v1/images",
            json={"ids": ids[:2], "identity": "ann", "labels": {"pose": None, "light": "right"}},
            headers=HEADERS,
        )
        assert changed.json() == {"changed": sorted(ids[:2])}
        assert await total(client, "identity=ann and light=right and pose is unknown") == 2
        dry = await remove(client, {"where": "identity=ann", "dry_run": True})
        assert await total(client) == 36
        gone = await remove(client, {"ids": ids[:2]})
        assert dry["removed"] == gone["removed"] == sorted(ids[:2])
        assert set(await new_ones(client, pictures[0])) == set(ids[2:])
        missing = await client.post("/v1/query", data={"id": ids[0], "wish": "pose=45"})
        assert missing.status_code == 404
    kept = list(uploads.rglob("*.png"))
    assert len({path.name for path in kept}) == 4  # of those removed no copy is left, nor a line
    tables = [path.read_text("utf-8") for path in uploads.rglob("labels.csv")]
    assert [len(text.splitlines()) for text in tables] == [5, 5]


async def remove(client: Any, what: dict[str, Any]) -> dict[str, Any]:
    told = await client.request("DELETE", "/v1/images", json=what, headers=HEADERS)
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


async def test_what_was_uploaded_and_not_taken_in_is_taken_in_by_the_next_start(
    serve: Any, own: Path, pictures: list[bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "uploads" / "own"
    stored.store(folder, "first", pictures[:3], {"identity": "new"})
    (folder / ".part-second").mkdir()
    (folder / ".part-second" / "half.png").write_bytes(pictures[3][:50])
    for _ in range(2):  # and not again by the one after
        async with serve(collections=(own,), uploads=tmp_path / "uploads") as client:
            jobs = (await client.get("/v1/jobs")).json()["jobs"]
            for job in jobs:
                assert (await ended(client, job))["state"] == "done"
            assert await total(client, "identity=new") == 3
    assert jobs == []
    assert not (folder / ".part-second").exists()


async def test_a_collection_begins_with_its_first_upload(
    serve: Any, pictures: list[bytes], pose_weights: Path, tmp_path: Path
) -> None:
    said = {"uploads": tmp_path / "uploads", "weights": str(pose_weights)}
    async with serve(collections=(tmp_path / "fresh",), **said) as client:
        assert (await client.get("/v1/collections")).json()["collections"][0]["images"] == 0
        assert (await client.get("/v1/images")).json()["images"] == []
        assert (await client.get("/readyz")).status_code == 200
        none = await client.post("/v1/query", files={"image": pictures[0]}, data={"wish": "pose=0"})
        assert none.status_code == 409
        assert str(tmp_path) not in none.text
        files, data = [("image", one) for one in pictures], {"find_faces": False}
        told = await client.post("/v1/images", files=files, data=data, headers=HEADERS)
        assert (await ended(client, told.json()))["state"] == "done"
        found = await client.post(
            "/v1/query", files={"image": pictures[0]}, data={"wish": "pose=0"}
        )
        assert len(found.json()["hits"]) == 6


class SeesInSquares:
    """Sees one face in a square picture, and none in another."""

    def look(self, image: Image.Image) -> list[DetectedFace]:
        side = float(image.width)
        if image.width != image.height:
            return []
        eyes = ((0.6 * side, 0.4 * side), (0.4 * side, 0.4 * side))
        box = (0.25 * side, 0.3 * side, 0.75 * side, 0.8 * side)
        return [DetectedFace(box, *eyes, (0.5 * side, 0.6 * side), (0.5 * side, 0.8 * side))]


async def test_faces_of_uploads_are_found_and_pictures_without_one_are_told_by_name(
    serve: Any,
    pictures: list[bytes],
    pose_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gallery.detection.registry.open_detector", lambda _: SeesInSquares())
    Image.effect_noise((64, 48), 9).save(tmp_path / "hill.png")
    files = [("image", ("me.png", pictures[0]))]
    files += [("image", ("hill.png", (tmp_path / "hill.png").read_bytes()))]
    said = {"uploads": tmp_path / "uploads", "weights": str(pose_weights)}
    async with serve(collections=(tmp_path / "fresh",), **said) as client:
        told = await client.post("/v1/images", files=files, headers=HEADERS)
        result = (await ended(client, told.json()))["result"]
        assert result["indexed"] == 1
        (left_out,) = result["skipped"]
        assert left_out["name"] == "hill.png"
        assert "no face was found" in left_out["reason"]
        with mindseye.open_gallery(tmp_path / "fresh") as gallery:
            assert gallery.knows_landmarks
            me = stored.file_name(pictures[0])
            (image,) = [one for one in gallery.images() if one["path"].endswith(me)]
        await remove(client, {"ids": [image["id"]]})
    (table,) = (tmp_path / "uploads").rglob("landmarks.csv")
    assert image["sha256"] not in table.read_text("utf-8")  # of who was removed nothing is kept


async def test_progress_is_sent_as_events_and_a_job_can_be_cancelled(
    serve: Any, own: Path, pictures: list[bytes], tmp_path: Path
) -> None:
    said = {"collections": (own,), "uploads": tmp_path / "uploads"}
    async with serve(**said) as client:
        with (own / ".lock").open("a+") as lock:  # as a build holds it: the job waits for this
            fcntl.flock(lock, fcntl.LOCK_EX)
            told = await client.post("/v1/images", files=[("image", pictures[0])], headers=HEADERS)
            address = f"/v1/jobs/{told.json()['id']}"
            await asyncio.sleep(0.1)
            busy = await client.patch(
                "/v1/images", json={"ids": [1], "identity": "x"}, headers=HEADERS
            )
            refused = await client.post(f"{address}/cancel")
            await client.post(f"{address}/cancel", headers=HEADERS)
            job = await ended(client, told.json())
        events = (await client.get(f"{address}/events")).text
        assert await total(client) == 30
    async with serve(**said) as client:
        assert (await client.get("/v1/jobs")).json()["jobs"] == []  # cancelled for good
    assert (busy.status_code, busy.json()["code"]) == (409, "busy_writing")
    assert refused.status_code == 401
    assert job["state"] == "cancelled"
    (line,) = [one for one in events.splitlines() if one.startswith("data: ")]
    assert json.loads(line.removeprefix("data: "))["state"] == "cancelled"


async def test_searches_go_on_while_images_come_and_go(
    serve: Any, own: Path, pictures: list[bytes], tmp_path: Path, faces_dir: Path
) -> None:
    source = (faces_dir / "p1-0-left.png").read_bytes()
    async with serve(collections=(own,), uploads=tmp_path / "uploads") as client:

        async def search() -> list[int]:
            statuses = []
            for number in range(12):
                wish = f"pose={(-45, 0, 45)[number % 3]}"
                told = await client.post(
                    "/v1/query", files={"image": source}, data={"wish": wish, "k": 40}
                )
                statuses.append(told.status_code)
                ids = [hit["id"] for hit in told.json()["hits"]]
                assert len(set(ids)) == len(ids)
            return statuses

        async def add() -> list[str]:
            states = []
            for one in pictures:
                told = await client.post("/v1/images", files=[("image", one)], headers=HEADERS)
                states.append((await ended(client, told.json()))["state"])
            return states

        async def take_away() -> set[int]:
            gone: set[int] = set()
            for image_id in range(1, 7):
                told = await client.request(
                    "DELETE", "/v1/images", json={"ids": [image_id]}, headers=HEADERS
                )
                assert told.status_code in (200, 409), told.text
                gone |= {image_id} if told.status_code == 200 else set()
            return gone

        statuses, states, gone = await asyncio.gather(search(), add(), take_away())
        assert set(statuses) == {200}
        assert set(states) == {"done"}
        assert await total(client) == 36 - len(gone)
    with mindseye.open_gallery(own) as gallery:
        assert gallery.verify()["ok"]
        assert gallery.count("state=indexed") == 36 - len(gone)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [({"read_only": True}, 403, "read_only"), ({}, 403, "no_uploads")],
)
async def test_a_service_without_uploads_takes_none(
    serve: Any, pictures: list[bytes], said: dict[str, Any], status: int, code: str
) -> None:
    async with serve(**said) as client:
        told = await client.post("/v1/images", files={"image": pictures[0]}, headers=HEADERS)
        assert (told.status_code, told.json()["code"]) == (status, code)


@pytest.mark.parametrize("label", ["pose", "=45", "path=x", "a b=c", "pose=" + "4" * 300])
async def test_what_cannot_be_a_label_is_refused(
    serve: Any, own: Path, tmp_path: Path, pictures: list[bytes], label: str
) -> None:
    async with serve(collections=(own,), uploads=tmp_path / "uploads") as client:
        told = await client.post(
            "/v1/images", files={"image": pictures[0]}, data={"label": label}, headers=HEADERS
        )
    assert told.status_code == 422
    assert not (tmp_path / "uploads").exists()
