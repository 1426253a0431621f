"""Draw a set to disk: in parallel, resumable, safe to kill at any instant.

Every person is one shard, written whole or not at all; a shard that is there is not drawn again.
The manifest is written last, and is the same whatever the number of workers and interruptions.
"""

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from gallery.attributes import Condition
from gallery.errors import ConfigError, DatasetError
from gallery.facial_units import STRENGTHS
from gallery.json_files import read, spell
from gallery.studio import assets as studio_assets
from gallery.studio.asset_list import PACKAGES
from gallery.studio.attributes import STANDARD
from gallery.studio.files import clear_partial, write_whole
from gallery.studio.identity import balance, sample_identity
from gallery.studio.progress import StudioProgress
from gallery.studio.render import RENDERER, Appearance, Studio
from gallery.studio.request import DrawRequest, identity_name
from gallery.studio.shards import (
    MANIFEST,
    REQUEST,
    SHARDS,
    SetManifest,
    StudioShard,
    encode_strip,
    pack,
    picture_name,
    read_manifest,
    shard_path,
)


def draw(
    out: Path, request: DrawRequest, *, workers: int = 1, assets: Path | None = None
) -> Iterator[StudioProgress]:
    """Draw a set, or what is missing of it; yields after each person.

    Args:
        out: Folder of the set; made if it is not there.
        request: What to draw.
        workers: Processes that draw.
        assets: Folder of the assets; None is the default one.

    Raises:
        ConfigError: There is no worker.
        DatasetError: The assets are missing, out holds another set or cannot be written, or a
            worker was killed.
    """
    folder = studio_assets.require(assets)

    def person(number: int) -> Callable[[], bytes]:
        return partial(_draw_person, request, number, folder)

    yield from write_set(out, request, person, workers=workers)


def write_set(
    out: Path,
    request: DrawRequest,
    person: Callable[[int], Callable[[], bytes]],
    *,
    workers: int = 1,
) -> Iterator[StudioProgress]:
    """Write a set, or what is missing of it; yields after each person.

    Args:
        out: Folder of the set; made if it is not there.
        request: What it holds.
        person: Returns what makes the shard of a person; it is sent to another process.
        workers: Processes that draw.

    Raises:
        ConfigError: There is no worker.
        DatasetError: Out holds another set or cannot be written, or a worker was killed.
    """
    if workers < 1:
        raise ConfigError(f"--workers takes a number above 0, got {workers}")
    try:
        yield from _write_set(out, request, person, workers)
    except OSError as error:
        raise DatasetError(f"Cannot write the set to {out}: {error}") from error
    except BrokenProcessPool as error:
        raise DatasetError(
            "A process that drew was ended from outside, perhaps for want of memory (each takes"
            " about 500 MB); run the same command again, with fewer --workers"
        ) from error


def _write_set(
    out: Path, request: DrawRequest, person: Callable[[int], Callable[[], bytes]], workers: int
) -> Iterator[StudioProgress]:
    total = request.identities
    if _is_finished(out, request):
        yield StudioProgress(total, total, f"{out} is finished")
        return
    if out.is_dir() and any(out.iterdir()) and not (out / REQUEST).is_file():
        raise DatasetError(f"{out} holds other files, and no drawn set; name a folder of its own")
    (out / SHARDS).mkdir(parents=True, exist_ok=True)
    for place in (out, out / SHARDS):
        clear_partial(place)
    write_whole(out / REQUEST, _json(_identification(request)))
    numbers = [n for n in request.numbers if not shard_path(out, identity_name(n)).is_file()]
    done = total - len(numbers)
    if done:
        yield StudioProgress(done, total, f"{done} people were drawn before")
    tasks = (partial(_write_person, out, number, person(number)) for number in numbers)
    for number in _each(list(tasks), workers):
        done += 1
        yield StudioProgress(done, total, f"person {number}")
    write_whole(out / MANIFEST, _json(_manifest(out, request).to_json()))


def _is_finished(out: Path, request: DrawRequest) -> bool:
    """Say whether a set is complete.

    Raises:
        DatasetError: The folder holds another set.
    """
    started = out / REQUEST
    if started.is_file():
        difference = _first_difference(started, _identification(request))
        if difference:
            raise DatasetError(
                f"{out} holds another set ({difference}); give another folder, or delete it"
            )
    return (out / MANIFEST).is_file() and read_manifest(out).request.to_json() == request.to_json()


def _identification(request: DrawRequest) -> dict[str, object]:
    return {"renderer": RENDERER, **request.to_json()}


def _first_difference(path: Path, wanted: dict[str, object]) -> str:
    try:
        there = read(path, DatasetError, "Delete its folder")
        for name, value in wanted.items():
            if there[name] != value:
                return f"{name} is {there[name]}, not {value}"
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{path} is damaged ({error!r}); delete its folder") from error
    return ""


def _each(tasks: Sequence[Callable[[], int]], workers: int) -> Iterator[int]:
    """Draw people, in this process or in others, and yield each one's number when it is done."""
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            yield task()
        return
    # Processes start afresh: a fork would copy the threads' locks of torch or a server.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_end_with_parent
    ) as pool:
        running: list[Future[int]] = [pool.submit(task) for task in tasks]
        try:
            for one in as_completed(running):
                yield one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """End this process when the one that started it ends, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # at once: whatever is half written has a temporary name


def _write_person(out: Path, number: int, shard: Callable[[], bytes]) -> int:
    write_whole(shard_path(out, identity_name(number)), shard())
    return number


def _draw_person(request: DrawRequest, number: int, assets: Path) -> bytes:
    studio = _studio(assets, request.size)
    identity = sample_identity(request.seed, number)
    lights = [int(name) for name in request.tiles()]
    pictures = {}
    for shot in request.shots():
        tiles = studio.pictures(identity, _look(shot), yaw_of(shot), lights)
        pictures[picture_name(shot)] = encode_strip(tiles, request.quality)
    return pack(pictures)


@lru_cache(maxsize=1)
def _studio(assets: Path, size: int) -> Studio:
    """Open the studio once for a process."""
    return Studio(assets, size)


def _look(shot: Condition) -> Appearance:
    age = shot.get("age")
    return Appearance(
        expression=shot.get("expression", STANDARD["expression"]),
        accessory=shot.get("accessory", STANDARD["accessory"]),
        age_years=None if age is None else int(age),
        strengths=tuple((name, float(shot[name])) for name in shot if name in STRENGTHS),
    )


def yaw_of(shot: Condition) -> int:
    """Return the yaw of a shot, degrees."""
    return int(shot.get("pose", STANDARD["pose"]))


def _manifest(out: Path, request: DrawRequest) -> SetManifest:
    shards = []
    for number in request.numbers:
        name = identity_name(number)
        data = shard_path(out, name).read_bytes()
        shards.append(StudioShard(name, len(data), hashlib.sha256(data).hexdigest()))
    return SetManifest(
        request=request,
        renderer=RENDERER,
        assets={package.archive: package.sha256 for package in PACKAGES},
        balance={} if request.photographs else balance(request.people()),
        shards=tuple(shards),
    )


def _json(data: object) -> bytes:
    return (spell(data, indent=1) + "\n").encode()
