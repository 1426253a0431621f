"""What a pool does with workers that are lost, cannot be started, or do not see the images."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gallery.errors import ConfigError, ImageError, UserError
from gallery.faces import Face
from retrieval.collection.verify import verify
from retrieval.collection.workers import opening
from retrieval.collection.workers.block import Block, EmbeddedBlock
from retrieval.collection.workers.opening import Workers
from retrieval.collection.workers.pool import NoWorkerError, WorkerLostError
from retrieval.collection.workers.recipe import BlockWorker, WorkerRecipe
from retrieval.collection.workers.shipping import Shipping, gone
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.collection.workers.place import Place, opened, shards, skipped
from tests.waiting import NEVER_S

TWO = Workers(count=2)
Happening = Callable[[Sequence[str]], None]


@pytest.fixture
def embeds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list["InThisProcess"]]:
    """Let workers live in this process; say what happens to them."""

    def install(happens: Happening | None = None, **changes: object) -> list["InThisProcess"]:
        made: list[InThisProcess] = []

        def start(recipe: WorkerRecipe) -> InThisProcess:
            made.append(InThisProcess(replace(recipe, **changes), happens))  # type: ignore[arg-type]
            return made[-1]

        monkeypatch.setattr(opening, "ProcessWorker", start)
        return made

    return install


class InThisProcess:
    """A worker without a process of its own."""

    def __init__(self, recipe: WorkerRecipe, happens: Happening | None) -> None:
        self._inner = BlockWorker(recipe)
        self._happens = happens
        self.sees_images = self._inner.sees_images
        self.embedded: list[list[str]] = []
        self.bytes_sent = 0
        self.stopped = False

    def open(self) -> None:
        pass

    def embed(self, block: Block, limit_s: float) -> EmbeddedBlock:
        assert limit_s > 0
        names = [read.face.name for read, _ in block]
        if self._happens is not None:
            self._happens(names)
        self.bytes_sent += sum(len(read.content or b"") for read, _ in block)
        self.embedded.append(names)
        return self._inner.embed(block)

    def stop(self) -> None:
        self.stopped = True


class Once:
    """Loses the worker that is given a file, so many times."""

    def __init__(self, name: str, times: int) -> None:
        self.name, self.left, self.lock = name, times, threading.Lock()

    def __call__(self, names: Sequence[str]) -> None:
        with self.lock:
            if self.name in names and self.left:
                self.left -= 1
                raise WorkerLostError("its process was ended by SIGKILL")


def test_several_workers_write_the_shards_of_one(
    place: Place, expected: Path, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    made = embeds()
    last = place.build(tmp_path / "made", TWO)
    assert (last.indexed, last.skipped, last.done) == (12, 0, 12)
    assert shards(tmp_path / "made") == shards(expected)
    assert 1 <= len(made) <= 2
    assert all(worker.stopped for worker in made)
    assert not any(worker.bytes_sent for worker in made)  # they read the files themselves
    with opened(tmp_path / "made") as collection:
        assert finished(verify(collection)) == []


def test_the_block_of_a_lost_worker_goes_to_another(
    place: Place, expected: Path, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    made = embeds(Once("05.png", times=1))
    assert place.build(tmp_path / "made", Workers(count=1)).indexed == 12
    assert shards(tmp_path / "made") == shards(expected)
    assert len(made) == 2
    assert made[0].stopped


def test_an_image_that_costs_workers_is_left_out_with_the_reason(
    place: Place, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    made = embeds(Once("05.png", times=1000))
    last = place.build(tmp_path / "made", Workers(count=1))
    assert (last.indexed, last.skipped) == (11, 1)
    assert skipped(tmp_path / "made") == {
        "05.png": "left out, as 2 workers were lost with it: its process was ended by SIGKILL"
    }
    assert len(made) == 6  # three with the block, two with the image, and the one that goes on
    with opened(tmp_path / "made") as collection:
        assert finished(verify(collection)) == []


def test_where_all_workers_are_lost_the_build_ends(
    place: Place, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    def lost(_: Sequence[str]) -> None:
        raise WorkerLostError("its process was ended by SIGKILL")

    made = embeds(lost)
    with pytest.raises(UserError, match=r"9 workers were lost one after the other.*SIGKILL"):
        place.build(tmp_path / "made", Workers(count=1))
    assert len(made) == 9
    embeds()
    assert place.build(tmp_path / "made", Workers(count=1)).indexed == 12


def test_a_build_goes_on_with_the_workers_there_is_room_for(
    place: Place, expected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, lock = threading.Event(), threading.Lock()
    started: list[InThisProcess] = []

    class NoRoom(InThisProcess):
        def open(self) -> None:
            began.set()
            raise NoWorkerError("No worker could be started")

    def start(recipe: WorkerRecipe) -> InThisProcess:
        with lock:
            kind = NoRoom if started else InThisProcess
            started.append(kind(recipe, lambda _: assert_set(began)))
            return started[-1]

    def assert_set(event: threading.Event) -> None:
        assert event.wait(NEVER_S)

    monkeypatch.setattr(opening, "ProcessWorker", start)
    with opened(tmp_path / "made") as collection:
        notes = [step.note for step in place.steps(collection, TWO) if step.note]
    assert shards(tmp_path / "made") == shards(expected)
    assert any("1 of 2 workers go on" in note for note in notes)


def test_a_build_without_a_single_worker_says_why(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoRoom(InThisProcess):
        def open(self) -> None:
            raise NoWorkerError("No worker could be started within 300 s")

    def start(recipe: WorkerRecipe) -> InThisProcess:
        return NoRoom(recipe, None)

    monkeypatch.setattr(opening, "ProcessWorker", start)
    with pytest.raises(UserError, match="within 300 s"):
        place.build(tmp_path / "made", TWO)


class NeverReady(InThisProcess):
    """A worker whose place was taken, as that of an actor of a machine that is gone."""

    def open(self) -> None:
        self.over = threading.Event()
        assert self.over.wait(NEVER_S), "nobody stopped it"
        raise WorkerLostError("it was stopped")

    def stop(self) -> None:
        super().stop()
        self.over.set()


def test_nothing_waits_for_a_worker_that_does_not_come_up(
    place: Place, expected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines; one is lost with its block, and no worker starts in its place."""
    both = threading.Barrier(2, timeout=NEVER_S)
    lock, tried_again = threading.Lock(), threading.Event()
    made: list[InThisProcess] = []
    begun: set[int] = set()

    def lose(worker: int) -> Happening:
        def happens(_: Sequence[str]) -> None:
            if worker in begun:
                return
            begun.add(worker)
            both.wait()  # each has a block in hand
            if worker == 0:
                raise WorkerLostError("its machine is gone")
            assert tried_again.wait(NEVER_S)

        return happens

    def start(recipe: WorkerRecipe) -> InThisProcess:
        with lock:
            kind = NeverReady if len(made) == 2 else InThisProcess
            made.append(kind(recipe, lose(len(made))))
            if len(made) == 3:
                tried_again.set()
            return made[-1]

    monkeypatch.setattr(opening, "ProcessWorker", start)
    assert place.build(tmp_path / "made", TWO).indexed == 12
    assert shards(tmp_path / "made") == shards(expected)
    assert len(made) == 3
    assert all(worker.stopped for worker in made)


def test_where_the_last_worker_is_lost_and_none_comes_up_the_build_ends_and_goes_on_later(
    place: Place, expected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoRoom(InThisProcess):
        def open(self) -> None:
            raise NoWorkerError("No worker could be started within 300 s: the cluster has 0 CPUs")

    made: list[InThisProcess] = []

    def start(recipe: WorkerRecipe) -> InThisProcess:
        made.append((NoRoom if made else InThisProcess)(recipe, Once("05.png", times=1000)))
        return made[-1]

    monkeypatch.setattr(opening, "ProcessWorker", start)
    with pytest.raises(UserError, match=r"0 CPUs. What was finished is kept: .* build again"):
        place.build(tmp_path / "made", Workers(count=1))
    monkeypatch.undo()
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 4)
    last = place.build(tmp_path / "made")
    assert (last.indexed, last.known) == (8, 4)
    assert shards(tmp_path / "made") == shards(expected)


def test_workers_that_do_not_see_the_images_are_sent_their_bytes(
    place: Place, expected: Path, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    made = embeds(witness=("/of/another/machine.png", 1))
    with opened(tmp_path / "made") as collection:
        notes = [step.note for step in place.steps(collection, TWO) if step.note]
    assert shards(tmp_path / "made") == shards(expected)
    size = sum(path.stat().st_size for path in place.photos.glob("*.png"))
    assert sum(worker.bytes_sent for worker in made) == size
    assert any("files are read here and sent to them" in note for note in notes)


def test_bytes_of_an_archive_are_sent(
    place: Place, expected: Path, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    def read(face: Face) -> bytes:
        return (place.photos / face.name).read_bytes()

    made = embeds()
    faces = replace(place.faces, reader=read)
    assert place.build(tmp_path / "made", TWO, faces).indexed == 12
    assert shards(tmp_path / "made") == shards(expected)
    assert all(worker.bytes_sent for worker in made)


def test_poisoned_files_are_skipped_as_in_a_local_build(
    place: Place, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    (place.photos / "03.png").write_bytes((place.photos / "03.png").read_bytes()[:80])
    (place.photos / "07.png").write_bytes(b"no picture")
    here = place.build(tmp_path / "here")
    made = embeds()
    there = place.build(tmp_path / "there", TWO)
    assert replace(there, edited=here.edited) == here
    assert len(skipped(tmp_path / "here")) == 2
    assert skipped(tmp_path / "there") == skipped(tmp_path / "here")
    assert shards(tmp_path / "there") == shards(tmp_path / "here")
    names = [name for worker in made for block in worker.embedded for name in block]
    assert len(names) == len(set(names)) == 12  # none was tried twice


def test_a_file_that_changes_before_it_is_sent_is_left_out(
    place: Place, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    made = embeds(witness=("/of/another/machine.png", 1))
    with opened(tmp_path / "made") as collection:
        steps = place.steps(collection, Workers(count=1))
        plain = Shipping.light

        def changing(shipping: Shipping, block: Block) -> Block:
            (place.photos / "00.png").write_bytes(b"another one")
            return plain(shipping, block)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shipping, "light", changing)
            last = list(steps)[-1]
    assert (last.indexed, last.skipped) == (11, 1)
    assert "changed while it was being read" in skipped(tmp_path / "made")["00.png"]
    assert len(made) == 1


def test_a_build_that_is_stopped_keeps_what_workers_had_in_hand(
    place: Place, expected: Path, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    made = embeds()
    with opened(tmp_path / "made") as collection:
        steps = place.steps(collection, Workers(count=1))
        first = next(steps)
        steps.close()  # type: ignore[attr-defined]  # a generator has it
    assert all(worker.stopped for worker in made)
    drawn = sum(len(block) for worker in made for block in worker.embedded)
    assert drawn >= first.indexed == 4
    with opened(tmp_path / "made") as collection:
        (space,) = collection.catalogue.spaces.all()
        assert collection.catalogue.spaces.state_counts(space.id)["indexed"] == drawn
    last = place.build(tmp_path / "made", Workers(count=1))
    assert (last.indexed, last.known) == (12 - drawn, drawn)
    assert shards(tmp_path / "made") == shards(expected)


def test_a_worker_that_would_make_other_vectors_is_refused(
    place: Place, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    embeds(version="0.0.1")
    with pytest.raises(UserError, match=r"the build 0\.0\.1; install the same one"):
        place.build(tmp_path / "made", TWO)


def test_what_an_image_raises_ends_no_worker(
    place: Place, tmp_path: Path, embeds: Callable[..., list[InThisProcess]]
) -> None:
    def broken(_: Sequence[str]) -> None:
        raise RuntimeError("CUDA out of memory")

    made = embeds(broken)
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        place.build(tmp_path / "made", Workers(count=1))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"count": 0}, "--workers takes a number from 1"),
        ({"count": 5000}, "got 5000"),
        ({"ray": " "}, "--ray takes local, auto or an address"),
    ],
)
def test_workers_that_nobody_can_have_are_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Workers(**given)  # type: ignore[arg-type]


def test_a_file_that_was_not_sent_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="build again"):
        gone(Face("a.png"))
