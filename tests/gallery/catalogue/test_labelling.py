"""Labels set by hand hold, whatever files say afterwards."""

from collections.abc import Callable

import pytest

from gallery.attributes import Condition
from gallery.catalogue.labelling import LabelChange
from gallery.catalogue.records import FileRecord
from gallery.catalogue.store import Catalogue
from gallery.errors import ConfigError

Open = Callable[[], Catalogue]


def offers(identity: str | None = "ann") -> list[FileRecord]:
    return [
        FileRecord(
            path=f"/photos/{number}.png",
            sha256=str(number) * 64,
            identity=identity,
            condition=Condition(pose="45", light="left"),
        )
        for number in (1, 2, 3)
    ]


def test_labels_of_many_are_set_at_once_and_outlast_their_files(open_catalogue: Open) -> None:
    images = open_catalogue().images
    ids = [one for one in images.register(offers()) if one is not None]
    images.remove([ids[2]])
    change = LabelChange(identity="bob", values={"pose": "0", "light": None, "hat": "red"})
    assert images.label([*ids, 99], change) == ids[:2]
    images.register(offers("eve"))  # the folder is read again
    rows = images.rows(0, ids)
    assert [rows[i].identity for i in ids] == ["bob", "bob", "eve"]
    assert rows[ids[0]].condition == Condition(pose="0", hat="red")
    assert rows[ids[2]].condition == Condition(pose="45", light="left")
    assert images.matching("pose = 0 and identity = bob").tolist() == ids[:2]
    assert images.labelled("eve") == [ids[2]]
    assert images.contradictions() == []


def test_a_name_is_taken_away_and_left(open_catalogue: Open) -> None:
    images = open_catalogue().images
    first, second, third = (one or 0 for one in images.register(offers()))
    images.label([first], LabelChange(identity="", values={}))
    images.label([second], LabelChange(values={"pose": "30"}))
    rows = images.rows(0, [first, second, third])
    assert [one.identity for one in rows.values()] == [None, "ann", "ann"]
    assert rows[second].condition == Condition(pose="30", light="left")


@pytest.mark.parametrize(
    ("identity", "values"),
    [
        (None, {}),
        (" ann", {}),
        ("a" * 256, {}),
        ("a\nb", {}),
        (None, {"pose": ""}),
        (None, {"identity": "ann"}),
        (None, {"": "1"}),
        (None, {"a=b": "1"}),
    ],
)
def test_what_cannot_be_a_label_is_refused(
    identity: str | None, values: dict[str, str | None]
) -> None:
    with pytest.raises(ConfigError):
        LabelChange(identity=identity, values=values)
