"""What is refused, and what no answer says."""

import asyncio
import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery.errors import ConfigError
from service.problems import without_paths
from service.settings import ServiceLimits, ServiceSettings, checked_token, hash_of, is_loopback
from tests.service.conftest import HEADERS, PATIENT, TOKEN

pytestmark = pytest.mark.anyio


def huge_png(width: int, height: int) -> bytes:
    """Return a PNG whose header promises many pixels, and whose data hold none of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


CHANGES = [
    ("POST", "/v1/images"),
    ("DELETE", "/v1/images"),
    ("PATCH", "/v1/images"),
    ("POST", "/v1/jobs/x/cancel"),
]
QUESTIONS = [
    ("GET", "/v1/system"),
    ("GET", "/v1/images"),
    ("GET", "/v1/images/1/thumbnail"),
    ("POST", "/v1/query"),
    ("POST", "/v1/draw"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
]
WRONG = [{}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}]


@pytest.mark.parametrize("headers", WRONG)
async def test_changes_need_the_token_and_so_do_questions_if_it_is_said(
    serve: Any, headers: dict[str, str]
) -> None:
    async with serve() as client:
        for method, path in CHANGES:
            told = await client.request(method, path, headers=headers)
            assert (told.status_code, told.json()["code"]) == (401, "unauthorised"), path
            assert told.headers["www-authenticate"] == "Bearer"
        for method, path in QUESTIONS:
            assert (await client.request(method, path, headers=headers)).status_code != 401
    async with serve(token_for_reading=True) as client:
        for method, path in [*CHANGES, *QUESTIONS]:
            told = await client.request(method, path, headers=headers)
            assert told.status_code == 401, path
            right = await client.request(method, path, headers=HEADERS)
            assert right.status_code != 401, path
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_nothing_is_accepted_where_there_is_no_token(serve: Any) -> None:
    async with serve(token_sha256=b"") as client:
        told = await client.patch("/v1/images", headers={"Authorization": "Bearer "})
        assert told.status_code == 401


async def test_every_answer_has_the_headers_that_keep_a_browser_safe(serve: Any) -> None:
    async with serve() as client:
        for path in (
            "/v1/system",
            "/v1/images/1/thumbnail",
            "/nowhere",
            "/v1/images/0",
            "/healthz",
        ):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert "access-control-allow-origin" not in headers
            assert len(headers["x-request-id"]) == 16
        told = await client.options(
            "/v1/query",
            headers={
                "Origin": "https://elsewhere.example",
                "Access-Control-Request-Method": "POST",
            },
        )
        assert "access-control-allow-origin" not in told.headers


async def test_another_name_is_refused(serve: Any) -> None:
    async with serve(hosts=("localhost", "127.0.0.1", "::1")) as client:
        for host, status in (
            *(("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:8000", 200)),
            *(("elsewhere.example", 421), ("localhost.elsewhere.example:8000", 421), ("", 421)),
        ):
            told = await client.get("/v1/system", headers={"Host": host})
            assert told.status_code == status, host


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "not_an_image"),
        (b"These are my notes.", 415, "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not_an_image"),
        (huge_png(20_000, 20_000), 413, "too_large"),
        (huge_png(100, 100), 422, "unusable_image"),
        (b"\xff\xd8\xff" + bytes(300_000), 413, "too_large"),
    ],
)
async def test_what_is_no_good_image_is_refused(
    serve: Any, content: bytes, status: int, code: str
) -> None:
    limits = replace(PATIENT, upload_bytes=200_000)
    async with serve(limits=limits) as client:
        for path in ("/v1/query", "/v1/draw"):
            told = await client.post(path, files={"image": content}, data={"wish": "pose=45"})
            assert (told.status_code, told.json()["code"]) == (status, code), told.text


async def test_a_request_that_is_too_long_is_not_read_to_its_end(serve: Any) -> None:
    read = 0

    async def body() -> Any:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(10_000):
            read += 1
            yield bytes(1000)

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    async with serve(limits=replace(PATIENT, request_bytes=50_000)) as client:
        streamed = await client.post("/v1/query", content=body(), headers=kind)
        said = await client.post("/v1/query", content=bytes(60_000), headers=kind)
    for told in (streamed, said):
        assert (told.status_code, told.json()["code"]) == (413, "too_large")


async def test_a_thumbnail_holds_no_metadata_and_is_sent_once(
    serve: Any, make_weights: Any, tmp_path: Path
) -> None:
    import mindseye  # noqa: PLC0415, TID251  its tests may

    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos" / "a.jpg"
    Image.effect_noise((64, 48), 50).save(path, exif=exif)
    with mindseye.open_gallery(tmp_path / "own", create=True, device="cpu") as gallery:
        gallery.add(f"folder:{path.parent}", weights=make_weights("pose-32"))
    async with serve(collections=(tmp_path / "own",)) as client:
        told = await client.get("/v1/images/1/thumbnail", params={"size": 32, "whole": True})
        tag = {"If-None-Match": told.headers["etag"]}
        again = await client.get(
            "/v1/images/1/thumbnail", params={"size": 32, "whole": True}, headers=tag
        )
        other = await client.get("/v1/images/1/thumbnail", params={"size": 48}, headers=tag)
        path.write_bytes(b"another")
        lost = await client.get("/v1/images/1/thumbnail", params={"size": 40})
    assert b"taken at home" not in told.content
    picture = Image.open(io.BytesIO(told.content))
    assert (picture.size, dict(picture.getexif())) == ((32, 24), {})
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)
    assert lost.status_code == 422
    assert str(tmp_path) not in lost.text


async def test_images_come_in_pages(serve: Any) -> None:
    async with serve() as client:
        seen: list[int] = []
        cursor: dict[str, Any] = {}
        while True:
            asked = {"where": "pose=45", "limit": 4, **cursor}
            page = (await client.get("/v1/images", params=asked)).json()
            seen += [one["id"] for one in page["images"]]
            assert page["total"] == 10
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert len(seen) == len(set(seen)) == 10
        assert seen == sorted(seen)
        for bad in ("x", "MTph", "é", "a" * 64, "MTo5OTk5OTk5OTk5OTk"):
            told = await client.get("/v1/images", params={"cursor": bad})
            assert told.status_code == 400, bad


async def test_a_full_queue_and_a_late_answer_are_told(serve: Any, faces_dir: Path) -> None:
    files = {"image": (faces_dir / "p1-0-left.png").read_bytes()}
    async with serve(limits=replace(PATIENT, queue=2, together=1)) as client:
        told = await asyncio.gather(
            *(
                client.post("/v1/query", files=files, data={"wish": f"pose={(-45, 0, 45)[n % 3]}"})
                for n in range(24)
            )
        )
        codes = {one.status_code for one in told}
        assert codes <= {200, 429}
        assert 200 in codes
        for one in told:
            assert one.status_code == 200 or one.headers["retry-after"] == "1"
    async with serve(limits=ServiceLimits(deadline_s=-1)) as client:
        late = await client.post("/v1/query", files=files, data={"wish": "pose=45"})
        assert (late.status_code, late.json()["code"]) == (504, "too_late")


async def test_a_failure_is_told_without_its_reason(
    serve: Any, faces_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret /home/me")

    monkeypatch.setattr("service.routes.asking._answer", fail)
    async with serve() as client:
        told = await client.post(
            "/v1/query",
            files={"image": (faces_dir / "p1-0-left.png").read_bytes()},
            data={"wish": "pose=45"},
        )
        assert (told.status_code, told.json()["code"]) == (500, "internal")
        assert "secret" not in told.text
        assert told.headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/readyz")).json()["status"] == "ready"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cannot read /home/me/7.png: gone", "Cannot read 7.png: gone"),
        ("in /a b/c", "in a b/c"),
        ("'/tmp/x/y' and ~/z.png", "'y' and z.png"),
        ("pose=45/2 and km/h and 1/2", "pose=45/2 and km/h and 1/2"),
    ],
)
def test_paths_are_shortened(text: str, expected: str) -> None:
    assert without_paths(text) == expected


def test_a_token_has_to_be_long_and_is_not_kept() -> None:
    assert checked_token(f" {TOKEN}\n", "FILE") == TOKEN
    for bad in ("short", "a b c d e f g h i j k l m", "é" * 20):
        with pytest.raises(ConfigError, match="FILE"):
            checked_token(bad, "FILE")
    settings = ServiceSettings(collections=(Path("x"),), token_sha256=hash_of(TOKEN))
    assert TOKEN not in repr(settings)
    assert settings.accepts(TOKEN)
    assert not settings.accepts(TOKEN + "x")
    with pytest.raises(ConfigError, match="Nothing to serve"):
        ServiceSettings(collections=())


def test_loopback_is_known() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.2", "example.org")))  # noqa: S104
