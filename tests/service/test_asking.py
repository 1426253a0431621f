"""Asking over HTTP gives what the front door gives."""

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import mindseye  # noqa: TID251  its tests may

pytestmark = pytest.mark.anyio


def picture(uri: str) -> Image.Image:
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


async def test_a_query_finds_what_the_front_door_finds(
    serve: Any, collection_dir: Path, faces_dir: Path
) -> None:
    path = faces_dir / "p1-0-left.png"
    with mindseye.open_gallery(collection_dir) as gallery:
        expected = gallery.search(path, {"pose": 45}, k=3, where="pose=45", exclude_source=True)
    async with serve() as client:
        told = await client.post(
            "/v1/query",
            files={"image": path.read_bytes()},
            data={"wish": "pose=45", "k": 3, "where": "pose=45", "exclude_source": "true"},
        )
    assert told.status_code == 200, told.text
    answer = told.json()
    assert [hit["sha256"] for hit in answer["hits"]] == [hit.sha256 for hit in expected]
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx(
        [hit.score for hit in expected], abs=1e-5
    )
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    assert (answer["space"], answer["wish"]) == ("pose-32", {"pose": "45"})
    assert picture(answer["drawn"]).tobytes() == expected.drawn.tobytes()
    assert picture(answer["source"]).tobytes() == expected.source.tobytes()
    assert str(faces_dir) not in told.text


async def test_an_image_of_the_gallery_can_be_asked_about_by_its_id(serve: Any) -> None:
    async with serve() as client:
        page = (await client.get("/v1/images", params={"where": "identity=p1"})).json()
        one = page["images"][0]
        told = await client.post("/v1/query", data={"id": one["id"], "wish": "light=left", "k": 30})
        missing = await client.post("/v1/query", data={"id": 999, "wish": "light=left"})
    assert told.json()["space"] == "light-32"
    assert one["id"] in {hit["id"] for hit in told.json()["hits"]}
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_every_value_is_drawn_in_one_request_and_kept(serve: Any, faces_dir: Path) -> None:
    files = {"image": (faces_dir / "p2-45-left.png").read_bytes()}
    async with serve() as client:
        first = (await client.post("/v1/draw", files=files, data={"attribute": "pose"})).json()
        again = (await client.post("/v1/draw", files=files, data={"attribute": "pose"})).json()
        alone = await client.post("/v1/draw", files=files, data={"wish": "pose=0"})
        asked = await client.post("/v1/query", files=files, data={"wish": " pose = 0 "})
        text = (await client.get("/metrics")).text
    assert [one["value"] for one in first["drawings"]] == ["-45", "0", "45"]
    assert [one["cached"] for one in first["drawings"]] == [False] * 3
    assert [one["cached"] for one in again["drawings"]] == [True] * 3
    assert [one["image"] for one in again["drawings"]] == [
        one["image"] for one in first["drawings"]
    ]
    assert "trainedAlgorithmicMedia" in str(picture(first["drawings"][0]["image"]).info)
    (drawing,) = alone.json()["drawings"]
    assert (drawing["cached"], asked.json()["drawn"]) == (True, drawing["image"])
    assert "mindseye_drawings_total 3.0" in text
    assert picture(drawing["image"]).tobytes() == picture(first["drawings"][1]["image"]).tobytes()


async def test_an_image_is_shown_as_the_gallery_keeps_it(serve: Any) -> None:
    async with serve() as client:
        told = await client.get("/v1/images/1/redrawn", params={"space": "pose-32"})
    assert told.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(told.content)).size == (32, 32)


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"wish": "pose=46"}, 400, "No space can draw pose=46"),
        ({"wish": "hat=red"}, 400, "hat"),
        ({}, 422, "Nothing is wished for"),
        ({"wish": "pose=45", "k": 0}, 422, "k:"),
        ({"wish": "pose=45", "k": 10_000}, 422, "at most"),
        ({"wish": "pose=45", "where": "pose ="}, 400, ""),
        ({"wish": "pose=45", "min_score": "nan"}, 422, "no number"),
        ({"wish": "pose=45", "space": "none"}, 409, "no space"),
        ({"wish": "pose=45", "crop": "1,2"}, 400, "X,Y,W,H"),
    ],
)
async def test_mistakes_are_told_in_one_form(
    serve: Any, faces_dir: Path, data: dict[str, Any], status: int, said: str
) -> None:
    files = {"image": (faces_dir / "p1-0-left.png").read_bytes()}
    async with serve() as client:
        told = await client.post("/v1/query", files=files, data=data)
    assert told.status_code == status, told.text
    assert told.headers["content-type"] == "application/problem+json"
    problem = told.json()
    assert said in problem["detail"]
    assert problem["status"] == status
    assert problem["request_id"] == told.headers["x-request-id"]


async def test_one_mistake_spoils_no_other_request(serve: Any, faces_dir: Path) -> None:
    files = {"image": (faces_dir / "p1-0-left.png").read_bytes()}
    async with serve() as client:
        told = await asyncio.gather(
            *(
                client.post("/v1/query", files=files, data={"wish": wish})
                for wish in ("pose=45", "pose=46", "pose=0", "light=left", "pose=-45")
            )
        )
    assert [one.status_code for one in told] == [200, 400, 200, 200, 200]


async def test_a_page_of_people_shows_each_of_them_once(serve: Any) -> None:
    asked = {"where": "pose=45", "one_each": "identity", "limit": 3}
    async with serve() as client:
        first = (await client.get("/v1/images", params=asked)).json()
        rest = (await client.get("/v1/images", params={**asked, "cursor": first["next"]})).json()
        wrong = await client.get("/v1/images", params={"one_each": "pose"})
    people = [one["identity"] for one in first["images"] + rest["images"]]
    assert people == ["p1", "p2", "p3", "p4", "p5"]
    assert (first["total"], rest["total"], rest["next"]) == (5, 5, None)
    assert wrong.status_code == 422
