"""Names with letters composed or not, and names that are nearly right."""

import pytest

from gallery.spelling import Names, Spellings, composed, spellings

NFC, NFD = "Jos\u00e9", "Jose\u0301"


def test_two_spellings_are_one_when_composed() -> None:
    assert NFC != NFD
    assert composed(NFC) == composed(NFD) == NFC
    assert spellings(NFD) == (NFD, NFC)
    assert spellings(NFC) == (NFC, NFD)
    assert spellings("Ann") == ("Ann",)


def test_the_first_spelling_stands_for_all() -> None:
    spelt = Spellings()
    assert [spelt.of(NFD), spelt.of("Ann"), spelt.of(NFC)] == [NFD, "Ann", NFD]
    assert spelt.others == {NFC: NFD}


def test_a_file_is_found_in_every_spelling_of_its_name() -> None:
    names = Names([f"{NFD}/1.jpg", "ann/2.jpg", "back\\slash.jpg"])
    assert names.find(f"{NFC}/1.jpg") == f"{NFD}/1.jpg"
    assert names.find("ann\\2.jpg") == "ann/2.jpg"
    assert names.find("back\\slash.jpg") == "back\\slash.jpg"
    assert names.find("Ann/2.jpg") is None


def test_of_two_files_that_differ_in_spelling_the_same_one_is_meant() -> None:
    names = Names([f"{NFD}.jpg", f"{NFC}.jpg"])
    assert names.find(f"{NFD}.jpg") == f"{NFD}.jpg"
    assert names.find(f"{NFC}.jpg") == f"{NFC}.jpg"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ANN/2.JPG", "Ann/2.jpg"),
        ("/home/me/photos/Ann/2.jpg", "Ann/2.jpg"),
        ("C:\\photos\\Ann\\2.jpg", "Ann/2.jpg"),
        ("Ann:2.jpg", "Ann/2.jpg"),
        ("Ann|2.jpg", "Ann/2.jpg"),
        ("holiday-one.png", "holiday_one.png"),
        ("elsewhere/holiday_one.png", "holiday_one.png"),
        ("quite different", None),
    ],
)
def test_the_nearest_name_is_named(given: str, meant: str | None) -> None:
    assert Names(["Ann/2.jpg", "Bob/2.jpg", "holiday_one.png"]).nearest(given) == meant
