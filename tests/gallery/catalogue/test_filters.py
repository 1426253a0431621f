"""Filters against a loop in Python that follows their definition."""

import operator
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from gallery.attributes import Condition, as_number
from gallery.catalogue.records import FileRecord, ImageState
from gallery.catalogue.store import Catalogue
from gallery.catalogue.where import Every, Expression, Not, Predicate, Some
from gallery.errors import ConfigError
from tests.gallery.catalogue.conftest import emptied

PEOPLE: tuple[tuple[str | None, dict[str, str], str | None], ...] = (
    ("s1", {"pose": "45", "eyes": "open"}, "45"),
    ("s1", {"pose": "45.0"}, "0"),
    ("s2", {"pose": "-45", "eyes": "closed"}, "-45"),
    ("s2", {"pose": "up"}, None),
    (None, {"eyes": "o'brien \"%_*"}, "45"),
    (None, {}, None),
    ("Ann B.", {"pose": "0", "eyes": "open"}, "0"),
)
Row = dict[str, str]
ORDER: dict[str, Any] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Seven images, the sixth skipped, the fourth pending, and three estimates."""
    url = f"sqlite:///{tmp_path_factory.mktemp('where')}/catalogue.db"
    if request.param == "postgres":
        url = emptied(request.getfixturevalue("server"))
    catalogue = Catalogue.open(url)
    catalogue.images.register(
        [
            FileRecord(f"/p/{n}.png", f"{n}" * 64, None, who, Condition(values), 10 * n, n)
            for n, (who, values, _) in enumerate(PEOPLE)
        ]
    )
    space = catalogue.spaces.add("pose-60", "0" * 64)
    placed = [
        ImageState(n + 1, "indexed", estimate=Condition(pose=estimate))
        for n, (_, _, estimate) in enumerate(PEOPLE)
        if estimate
    ]
    catalogue.spaces.place(space.id, [*placed, ImageState(6, "skipped", "torn")], None)
    yield catalogue
    catalogue.close()


def found(catalogue: Catalogue, where: str) -> list[int]:
    return [int(image_id) - 1 for image_id in catalogue.images.matching(where, 1)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("identity=s1", [0, 1]),
        ("identity='Ann B.'", [6]),
        ("identity!=s1", [2, 3, 6]),
        ("not identity=s1", [2, 3, 4, 5, 6]),
        ("identity is unknown", [4, 5]),
        ("pose=45", [0, 1]),
        ("pose=+45.00", [0, 1]),
        ("pose!=45", [2, 3, 6]),
        ("pose>=0", [0, 1, 6]),
        ("pose<0", [2]),
        ("pose is known", [0, 1, 2, 3, 6]),
        ("pose in (0, up)", [3, 6]),
        ("pose not in (0, up)", [0, 1, 2]),
        ("pose~4*", [0, 1]),
        ("pose < z", [3]),
        ("eyes='o\\'brien \"%_*'", [4]),
        ("eyes~'*%_*'", [4]),
        ("eyes~O*", []),
        ("condition.eyes=open", [0, 6]),
        ("estimate.pose=45", [0, 4]),
        ("estimate.pose!=45", [1, 2, 6]),
        ("estimate.pose>=0", [0, 1, 4, 6]),
        ("estimate.pose is unknown", [3, 5]),
        ("path=/p/3.png", [3]),
        ("path ~ /p/?.png and not path ~ *[3]*", [0, 1, 2, 3, 4, 5, 6]),
        ("path ~ *3*", [3]),
        ("id in (2, 4)", [1, 3]),
        ("id>5", [5, 6]),
        ("size_bytes >= 50", [5, 6]),
        ("mtime_ns = 2", [2]),
        ("sha256=" + "4" * 64, [4]),
        ("state=skipped", [5]),
        ("state=pending", [3]),
        ("state!=indexed", [3, 5]),
        ("state is known", [0, 1, 2, 3, 4, 5, 6]),
        ("eyes=open and (identity=s1 or pose=0)", [0, 6]),
        ("eyes='nothing like it'", []),
    ],
)
def test_a_filter_finds_what_it_asks_for(
    filled: Catalogue, where: str, expected: list[int]
) -> None:
    assert found(filled, where) == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("psoe=45", "nothing is named 'psoe'; did you mean 'pose'\\? Known: eyes, pose, id, iden"),
        ("estimate.eyes=1", r"no estimate is named 'estimate.eyes'; .*Known: pose"),
        ("id=one", "id is a whole number, got 'one'"),
        ("id=99999999999999999999", "id is a whole number, got '99999999999999999999'"),
        ("id~1*", "id is a number; ~ compares texts"),
        ("condition.path=1", "nothing is named 'condition.path'"),
    ],
)
def test_what_cannot_be_asked_is_refused(filled: Catalogue, where: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        filled.images.matching(where, 1)


def rows() -> list[Row]:
    """Return what is known of each image, by the names of the language."""
    table = []
    for who, values, estimate in PEOPLE:
        row = dict(values)
        row |= {"identity": who} if who else {}
        row |= {"estimate.pose": estimate} if estimate else {}
        table.append(row)
    return table


def same(text: str, value: str, *, numbers: bool) -> bool:
    left, right = as_number(text), as_number(value)
    return left == right if numbers and None not in (left, right) else text == value


def holds(row: Row, asked: Predicate) -> bool:
    text = row.get(asked.name)
    if text is None or asked.operator == "known":
        return text is not None
    numbers = asked.name != "identity"
    if asked.operator in ("in", "=", "!="):
        found = any(same(text, value, numbers=numbers) for value in asked.values)
        return found != (asked.operator == "!=")
    (value,) = asked.values
    if asked.operator == "~":
        return fnmatchcase(text, value)
    left, right = as_number(text), as_number(value)
    if not numbers or left is right is None:
        return bool(ORDER[asked.operator](text, value))
    return left is not None and right is not None and bool(ORDER[asked.operator](left, right))


def true_of(row: Row, expression: Expression) -> bool:
    match expression:
        case Predicate():
            return holds(row, expression)
        case Not(part):
            return not true_of(row, part)
        case Every(parts):
            return all(true_of(row, part) for part in parts)
        case Some(parts):
            return any(true_of(row, part) for part in parts)


def spelt(expression: Expression) -> str:
    match expression:
        case Predicate(name, "known"):
            return f"{name} is known"
        case Predicate(name, "in", values):
            return f"{name} in ({', '.join(map(quoted, values))})"
        case Predicate(name, operator, (value,)):
            return f"{name} {operator} {quoted(value)}"
        case Not(part):
            return f"not ({spelt(part)})"
        case Every(parts):
            return f"({' and '.join(map(spelt, parts))})"
        case Some(parts):
            return f"({' or '.join(map(spelt, parts))})"
    raise AssertionError(expression)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


names = st.sampled_from(["pose", "eyes", "identity", "estimate.pose"])
values = st.sampled_from(
    ["45", "0", "-45.0", "up", "open", "s1", "o'brien \"%_*", "'; --", "", "zz"]
)
comparisons = st.one_of(
    st.builds(
        Predicate,
        names,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.tuples(values),
    ),
    st.builds(Predicate, names, st.just("~"), st.tuples(st.sampled_from(["*", "?5", "*o*"]))),
    st.builds(Predicate, names, st.just("in"), st.lists(values, min_size=1).map(tuple)),
    st.builds(Predicate, names, st.just("known"), st.just(())),
)
expressions = st.recursive(
    comparisons,
    lambda part: st.one_of(
        st.builds(Not, part),
        st.builds(Every, st.lists(part, min_size=2, max_size=3).map(tuple)),
        st.builds(Some, st.lists(part, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@given(expression=expressions)
def test_any_filter_finds_what_its_definition_says(
    filled: Catalogue, expression: Expression
) -> None:
    expected = [number for number, row in enumerate(rows()) if true_of(row, expression)]
    assert found(filled, spelt(expression)) == expected


def test_no_value_is_pasted_into_a_query(
    catalogue: Catalogue, offer: Callable[..., FileRecord]
) -> None:
    catalogue.images.register([offer("/a", pose="45")])
    said = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = catalogue.session.get_bind().engine
    event.listen(engine, "before_cursor_execute", listen)
    for name in ("pose", "identity", "path", "sha256", "state"):
        for how in ("= Robert", "~ Robert", "in (Robert)", "> Robert"):
            catalogue.images.matching(f"{name} {how}", 1)
    assert said
    assert not any("Robert" in statement for statement in said)


def test_a_filter_that_is_asked_in_pieces_finds_the_same(
    filled: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.catalogue.filters.MOST", 2)
    monkeypatch.setattr("gallery.catalogue.idsets.LOOSE", 3)

    @settings(max_examples=30)
    @given(expression=expressions)
    def check(expression: Expression) -> None:
        expected = [number for number, row in enumerate(rows()) if true_of(row, expression)]
        assert found(filled, spelt(expression)) == expected

    check()


MANY = 100_000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("identity", "s{}", [0, 1, 2, 3]),
        ("pose", "{}", [0, 1, 6]),
        ("estimate.pose", "{}", [0, 1, 4, 6]),
        ("id", "{}", [0, 1, 2, 3, 4, 5, 6]),
        ("path", "/p/{}.png", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_hundred_thousand_values_are_asked_for_at_once(
    filled: Catalogue, name: str, value: str, expected: list[int]
) -> None:
    listed = ", ".join(value.format(number) for number in range(MANY))
    assert found(filled, f"{name} in ({listed})") == expected
    known = found(filled, f"{name} is known")
    others = [number for number in known if number not in expected]
    assert found(filled, f"{name} not in ({listed})") == others


@pytest.mark.parametrize(
    ("term", "join", "expected"),
    [
        ("identity = s{}", "or", [0, 1, 2, 3]),
        ("identity != s{}", "and", [6]),
        ("(id = {} or pose = {})", "or", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_hundred_thousand_terms_are_asked_for_at_once(
    filled: Catalogue, term: str, join: str, expected: list[int]
) -> None:
    where = f" {join} ".join(term.format(number, number) for number in range(1, MANY + 1))
    assert found(filled, where) == expected


def test_terms_that_cannot_be_joined_are_asked_in_pieces(filled: Catalogue) -> None:
    unlike = " and ".join(f"path != /x/{number}.png" for number in range(2_000))
    assert found(filled, unlike) == [0, 1, 2, 3, 4, 5, 6]
    pairs = " or ".join(f"(pose != {number} and identity ~ s{number})" for number in range(1_000))
    assert found(filled, pairs) == [0, 1, 2, 3]


def test_a_path_that_differs_is_one_of_several_files_of_an_image(
    catalogue: Catalogue, offer: Callable[..., FileRecord]
) -> None:
    catalogue.images.register([offer("/a", "same"), offer("/b", "same"), offer("/c", "other")])
    for where, expected in (
        ("path != /a and path != /b", [1, 2]),
        ("not path = /a and not path = /b", [2]),
        ("path not in (/a, /b)", [2]),
    ):
        assert catalogue.images.matching(where).tolist() == expected, where
