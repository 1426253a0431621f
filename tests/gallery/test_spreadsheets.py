"""Tables as spreadsheets and data frames save them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.spreadsheets import Spreadsheet, read_spreadsheet

Put = Callable[..., Path]
KNOWN = ("path", "identity", "pose")


@pytest.fixture
def table(put: Put) -> Callable[[str | bytes], Spreadsheet]:
    return lambda content: read_spreadsheet(put("labels.csv", content), KNOWN)


def cells(table: Spreadsheet) -> list[dict[str, str]]:
    return [dict(line.cells) for line in table.lines]


@pytest.mark.parametrize(
    "content",
    [
        "path,identity\na.png,Ann\n",
        "\ufeffpath,identity\r\na.png,Ann\r\n",
        "path;identity\na.png;Ann\n",
        "\ufeffsep=;\r\npath;identity\r\na.png;Ann\r\n",
        "sep=,\npath,identity\na.png,Ann\n",
        "path\tidentity\na.png\tAnn\n",
        "\n\npath,identity\n\n,\na.png,Ann\n,\n,,\n",
        "path,identity,,\na.png,Ann,,\n,,,\n",
        " path , identity \n a.png\t,  Ann \n",
        '"path","identity"\n"a.png","Ann"\n',
        "path,identity\ra.png,Ann\r",
    ],
)
def test_what_a_spreadsheet_saves_is_the_same_table(
    content: str, table: Callable[..., Spreadsheet]
) -> None:
    found = table(content)
    assert found.columns == ("path", "identity")
    assert [(line["path"], line["identity"]) for line in cells(found)] == [("a.png", "Ann")]
    assert found.notes == ()


def test_columns_are_known_in_capitals_with_a_note(table: Callable[..., Spreadsheet]) -> None:
    found = table("Path,IDENTITY,Light\na.png,Ann,left\n")
    assert found.columns == ("path", "identity", "Light")
    assert found.notes == (
        "labels.csv: the column 'Path' is read as 'path'",
        "labels.csv: the column 'IDENTITY' is read as 'identity'",
    )


@pytest.mark.parametrize("word", ["nan", "NaN", "NULL", "null", "N/A", "n/a", "#N/A", "<NA>"])
def test_words_for_nothing_are_nothing_with_a_note(
    word: str, table: Callable[..., Spreadsheet]
) -> None:
    found = table(f"path,identity,pose\na.png,{word},0\nb.png,Bob, {word} \n")
    assert [line["identity"] for line in cells(found)] == ["", "Bob"]
    assert [line["pose"] for line in cells(found)] == ["0", ""]
    assert found.notes == (f"labels.csv: {word!r} is read as not known, in 2 cells",)


@pytest.mark.parametrize("name", ["Nan", "Null", "None", "none", "NA", "Na", "Nana"])
def test_names_of_people_and_values_stay(name: str, table: Callable[..., Spreadsheet]) -> None:
    found = table(f"path,identity\na.png,{name}\n")
    assert cells(found)[0]["identity"] == name
    assert found.notes == ()


def test_lines_are_counted_as_an_editor_counts_them(table: Callable[..., Spreadsheet]) -> None:
    found = table('sep=,\npath,identity\n,,\na.png,"An\nn"\n\nb.png,Bob\n')
    assert [line.number for line in found.lines] == [5, 7]
    with pytest.raises(DatasetError, match=r"labels\.csv:4: more cells than columns"):
        table("path,identity\na.png,Ann\n,,\nb.png,Bob,45\n")


@pytest.mark.parametrize("content", [b"path\n\xe9.png", "path\na.png\n".encode("utf-16")])
def test_another_encoding_says_what_to_save(
    content: bytes, table: Callable[..., Spreadsheet]
) -> None:
    with pytest.raises(DatasetError, match=r"cannot be read as UTF-8 CSV: .*Save it as CSV UTF-8"):
        table(content)
