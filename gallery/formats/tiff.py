"""TIFF: its size, depth and orientation, and the file with no tags but those that pixels need.

What is left out of the first directory are texts, colour profiles, EXIF and whatever else could be
damaged without harm to the picture. Pixels stay where they are; the new directory stands at the
end. Numbers that a reader expects alone are written alone.

Source: TIFF 6.0, 1992; TIFF Technical Note 2; BigTIFF as libtiff describes it.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gallery.formats.header import DamageError, Header, UnsupportedError
from gallery.formats.orientation import orientation_of

MOST_ENTRIES = 1_000_000  # of a list of strips or tiles
MOST_TILE_PIXELS = 64_000_000

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _MOST, _TILE_WIDTH, _TILE_HEIGHT = 274, 277, 281, 322, 323
_EXTRA, _FORMAT, _XMP, _DNG = 338, 339, 700, 50706

_SIZE_OF = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZE_OF |= {16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q", 17: "q"}
_SHORT, _LONG = 3, 4

# Tags of one number; of several small numbers; and those taken over as they are, with their types.
_SINGLE = {
    *(_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, 278, 284, 292, 293, 317),
    *(_TILE_WIDTH, _TILE_HEIGHT, 512, 513, 514, 515),
}
_SEVERAL = {_BITS, _EXTRA, _FORMAT, 530}
_COPIED: dict[int, tuple[int, ...]] = dict.fromkeys((273, 279, 324, 325), (3, 4, 16))
_COPIED |= {320: (3,), 347: (1, 7), 519: (4,), 520: (4,), 521: (4,), 529: (5,), 532: (5, 4)}

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _COLOURS, _CCITT = 0, 1, 2, (2, 3, 4, 32771)
_UNSIGNED, _SIGNED = 1, 2


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tag of a directory.

    Attributes:
        kind: Type of its values.
        count: How many.
        at: Where they stand in the file.
        raw: What stands in the directory: the values, or where they are.
    """

    kind: int
    count: int
    at: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class _File:
    """A TIFF file, and how its numbers are written."""

    data: bytes
    order: str
    is_big: bool

    def number(self, form: str, at: int) -> int:
        try:
            return int(struct.unpack_from(self.order + form, self.data, at)[0])
        except struct.error as error:
            raise DamageError("it ends within its directory") from error

    def values(self, entry: _Entry, most: int = 16) -> tuple[int, ...]:
        """Return the first whole numbers of an entry; none if it holds others."""
        form = _NUMBERS.get(entry.kind)
        if form is None:
            return ()
        size = _SIZE_OF[entry.kind]
        return tuple(self.number(form, entry.at + size * n) for n in range(min(entry.count, most)))


def parse(data: bytes) -> Header:
    """Read the first directory.

    Raises:
        DamageError: It is cut off, or lacks what a picture needs.
        UnsupportedError: It is camera raw data, or has channels of a depth that is not read.
    """
    file = _opened(data)
    entries = _directory(file)
    if _DNG in entries or _first(file, entries, _SUBFILE, 0) & 1:
        raise UnsupportedError("camera raw, whose first picture is a thumbnail; convert it to JPEG")
    numbers = {
        tag: values
        for tag in (*_SINGLE, *_SEVERAL)
        if tag in entries and (values := file.values(entries[tag]))
    }
    for tag in _SINGLE & numbers.keys():
        numbers[tag] = numbers[tag][:1]
    if _WIDTH not in numbers or _HEIGHT not in numbers:
        raise DamageError("it says no size")
    if numbers.get(_TILE_WIDTH, (1,))[0] * numbers.get(_TILE_HEIGHT, (1,))[0] > MOST_TILE_PIXELS:
        raise DamageError("its tiles are larger than any picture that is read")
    bits = _settle(numbers)
    is_inverted = bits > 8 and numbers[_PHOTOMETRIC] == (_WHITE_IS_ZERO,)
    if is_inverted:
        numbers[_PHOTOMETRIC] = (_BLACK_IS_ZERO,)  # inverted by us: the decoder would not
    orientation, notes = _orientation(file, entries)
    return Header(
        content=_rewritten(file, numbers, entries),
        size=(numbers[_WIDTH][0], numbers[_HEIGHT][0]),
        orientation=orientation,
        notes=notes,
        depth=_depth(bits, _first(file, entries, _MOST, 0)),
        is_deep=bits > 8,
        is_inverted=is_inverted,
    )


def _opened(data: bytes) -> _File:
    order = "<" if data[:2] == b"II" else ">"
    return _File(data, order, is_big=43 in data[2:4])


def _directory(file: _File) -> dict[int, _Entry]:
    """Read the entries whose values lie inside the file; of a tag given twice, the first holds."""
    start = file.number("Q", 8) if file.is_big else file.number("I", 4)
    count = file.number("Q" if file.is_big else "H", start)
    first, step = (start + 8, 20) if file.is_big else (start + 2, 12)
    if count >= 2**16 or first + step * count > len(file.data):
        raise DamageError("it ends within its directory")
    entries: dict[int, _Entry] = {}
    for place in range(first, first + step * count, step):
        tag, entry = _entry(file, place)
        if entry.at + _SIZE_OF.get(entry.kind, 1) * entry.count <= len(file.data):
            entries.setdefault(tag, entry)
        elif tag in _COPIED:
            raise DamageError("it ends before its pixels")
    return entries


def _entry(file: _File, place: int) -> tuple[int, _Entry]:
    tag, kind = file.number("H", place), file.number("H", place + 2)
    form, room = ("Q", 8) if file.is_big else ("I", 4)
    count, at = file.number(form, place + 4), place + 4 + room
    raw = file.data[at : at + room]
    if _SIZE_OF.get(kind, 1) * count > room:
        at = file.number(form, at)
    return tag, _Entry(kind, count, at, raw)


def _first(file: _File, entries: Mapping[int, _Entry], tag: int, other: int) -> int:
    values = file.values(entries[tag], 1) if tag in entries else ()
    return values[0] if values else other


def _settle(numbers: dict[int, tuple[int, ...]]) -> int:
    """Write down what the file leaves open, and return the bits of a channel.

    A picture that does not say what its numbers mean is taken to be what libtiff takes it for.
    """
    samples = numbers.get(_SAMPLES, (1,))[0]
    if not numbers.get(_PHOTOMETRIC):
        fax = numbers.get(_COMPRESSION, (1,))[0] in _CCITT
        gray = _WHITE_IS_ZERO if fax else _BLACK_IS_ZERO
        numbers[_PHOTOMETRIC] = (_COLOURS if samples >= 3 else gray,)
    bits = numbers.get(_BITS, (1,))
    if samples > 1 and len(set(bits)) > 1:
        raise UnsupportedError(f"channels of {', '.join(map(str, bits))} bits; save it with 8")
    if bits[0] not in (1, 2, 4, 8, 12, 16, 32) or (bits[0] == 12 and samples > 1):
        raise UnsupportedError(f"{bits[0]} bits a channel; save it with 8 or 16")
    return bits[0]


def _depth(bits: int, most: int) -> int | None:
    """Return how many bits matter: of twelve all, of more those that the largest value needs."""
    if bits == 12:
        return 12
    is_full = most > 255 and most & (most + 1) == 0  # like 4095
    return most.bit_length() if bits == 16 and is_full and most < 65535 else None


def _orientation(file: _File, entries: Mapping[int, _Entry]) -> tuple[int, tuple[str, ...]]:
    """Read the tag as EXIF's is read: it is the same one."""
    exif = []
    if _ORIENTATION in entries:
        entry = entries[_ORIENTATION]
        head = struct.pack(f"{file.order}2sHIHHHI", *_exif_head(file), entry.kind, 1)
        exif.append(head + file.data[entry.at : entry.at + 4].ljust(4, b"\0"))
    xmp = []
    if _XMP in entries:
        entry = entries[_XMP]
        xmp.append(file.data[entry.at : entry.at + entry.count])
    return orientation_of(exif, xmp)


def _exif_head(file: _File) -> tuple[bytes, int, int, int, int]:
    return (b"II" if file.order == "<" else b"MM", 42, 8, 1, _ORIENTATION)


def _rewritten(
    file: _File, numbers: Mapping[int, Sequence[int]], entries: Mapping[int, _Entry]
) -> bytes:
    """Return the file with a directory of the tags that pixels need, at its end."""
    start = len(file.data) + len(file.data) % 2
    copied = dict(_copied(entries))
    tags = sorted({*numbers, *copied})
    lengths = (8, 20, 8) if file.is_big else (2, 12, 4)
    beyond = start + lengths[0] + lengths[1] * len(tags) + lengths[2]
    rows, values = [], b""
    for tag in tags:
        if tag in copied:
            entry = copied[tag]
            rows.append(_row(file, tag, entry.kind, entry.count, entry.raw))
            continue
        kind, content = _written(file, numbers[tag])
        if len(content) > (8 if file.is_big else 4):
            place = beyond + len(values)
            values += content + bytes(len(content) % 2)
            content = struct.pack(file.order + ("Q" if file.is_big else "I"), place)
        rows.append(_row(file, tag, kind, len(numbers[tag]), content))
    count = struct.pack(file.order + ("Q" if file.is_big else "H"), len(tags))
    end = bytes(lengths[2])
    body = file.data[16:] if file.is_big else file.data[8:]
    return b"".join(
        (_head(file, start), body, bytes(start - len(file.data)), count, *rows, end, values)
    )


def _copied(entries: Mapping[int, _Entry]) -> Iterator[tuple[int, _Entry]]:
    for tag, kinds in _COPIED.items():
        if tag in entries and entries[tag].kind in kinds:
            if entries[tag].count > MOST_ENTRIES and tag in (273, 279, 324, 325):
                raise DamageError(f"more than {MOST_ENTRIES:,} strips")
            yield tag, entries[tag]


def _written(file: _File, values: Sequence[int]) -> tuple[int, bytes]:
    kind, form = (_SHORT, "H") if max(values) < 2**16 else (_LONG, "I")
    try:
        return kind, struct.pack(f"{file.order}{len(values)}{form}", *values)
    except struct.error as error:
        raise DamageError(f"a number that cannot be: {values}") from error


def _row(file: _File, tag: int, kind: int, count: int, content: bytes) -> bytes:
    form, room = ("Q", 8) if file.is_big else ("I", 4)
    return struct.pack(f"{file.order}HH{form}", tag, kind, count) + content.ljust(room, b"\0")


def _head(file: _File, start: int) -> bytes:
    letters = b"II" if file.order == "<" else b"MM"
    if file.is_big:
        return letters + struct.pack(f"{file.order}HHHQ", 43, 8, 0, start)
    return letters + struct.pack(f"{file.order}HI", 42, start)
