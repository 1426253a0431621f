"""Captions that fit below a picture, however long they are, and whatever they hold."""

import unicodedata
from collections.abc import Callable, Sequence

MOST_LINES = 16
MOST_LETTERS = 400  # of a line; the widest picture has room for fewer
CUT = "…"

# Letters that are not drawn as one: control, line and paragraph ends, halves of pairs (bytes of a
# name that is not UTF-8), and those that turn the direction of writing.
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
_TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


# Letters without a base that Unicode knows, and signs, by what people write where they lack them.
_SIGNS = "\u2010\u2013\u2014\u2212\u00d7\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u0131"
_WRITTEN = {
    **dict(zip(_SIGNS, '----x\'\'"""""i', strict=True)),  # dashes, times, quotes, the Turkish i
    **dict(zip("øØłŁđĐðÐħĦŧŦ", "oOlLdDdDhHtT", strict=True)),
    "ß": "ss",
    "ẞ": "SS",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "þ": "th",
    "Þ": "Th",
}


def shown(text: str) -> str:
    r"""Return a text on one line in which every letter is seen.

    A byte that is not UTF-8 is written like \xe9, a control character like \t or \x1b.
    """
    return "".join(map(_letter, text))


def drawable(text: str, has_glyph: Callable[[str], bool]) -> str:
    r"""Return a text in letters that a font has, as near to what it says as they come.

    An accent is left out (Zoe for Zoë), a letter that has no base is written as people write it
    without (ss for ß), and what is left is escaped, like \u9854.

    Args:
        text: One line.
        has_glyph: Whether the font has a letter.
    """
    return "".join(one if has_glyph(one) else _without(one, has_glyph) for one in text)


def caption_lines(caption: str) -> list[str]:
    """Return the lines of a caption, as they are shown; what is too long is cut.

    The work grows with what is shown, not with the caption.
    """
    room = MOST_LINES * (MOST_LETTERS + 1)
    lines = caption[:room].split("\n", MOST_LINES)
    cut = len(lines) > MOST_LINES or len(caption) > room
    lines = [shown(_first(line, MOST_LETTERS)) for line in lines[:MOST_LINES]]
    return [*lines[:-1], f"{lines[-1]}{CUT}"] if cut else lines


def fitting(text: str, width: float, length: Callable[[str], float]) -> str:
    """Return the longest beginning of a text that is not wider, with a mark if it was cut.

    Args:
        text: One line.
        width: Most, pixels.
        length: Measures a text, pixels.
    """
    text = _first(text, MOST_LETTERS)
    if length(text) <= width:
        return text
    fits, cut = 0, len(text)
    while cut - fits > 1:  # text[:fits] fits, text[:cut] does not
        middle = (fits + cut) // 2
        if length(text[:middle] + CUT) <= width:
            fits = middle
        else:
            cut = middle
    return text[:fits].rstrip(CUT) + CUT if fits else ""


def shortened(name: str, most: int) -> str:
    """Return a name of at most so many letters: the middle of a longer one is left out.

    >>> shortened("holiday-in-rome-013.jpg", 15)
    'holiday…013.jpg'
    """
    if len(name) <= most:
        return name
    tail = most // 2
    return f"{name[: most - 1 - tail]}{CUT}{name[len(name) - tail :]}"


def most_lines(captions: Sequence[str]) -> int:
    """Return how many lines the longest of some captions takes."""
    return max((len(caption_lines(caption)) for caption in captions if caption), default=0)


def _first(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + CUT


def _letter(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if letter in _TURNING or unicodedata.category(letter) in _UNSEEN:
        return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
    return letter


def _without(letter: str, has_glyph: Callable[[str], bool]) -> str:
    """Return other letters for one that the font lacks; nothing for an accent that stands alone."""
    parts = unicodedata.normalize("NFKD", _WRITTEN.get(letter, letter))
    kept = [_WRITTEN.get(one, one) for one in parts if not unicodedata.combining(one)]
    if all(map(has_glyph, "".join(kept))):
        return "".join(kept)
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
