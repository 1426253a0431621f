"""What kind of image a file holds, by its first bytes; its name may say anything.

Sources: the formats' own specifications; for names and first bytes of camera raw files the lists of
LibRaw and of file(1).
"""

import re

HEAD_BYTES = 64  # as many as `kind_of` looks at

# Kinds that are not read. What is left out on purpose: EPS (Pillow runs Ghostscript), WMF, FITS, …
RAW, HEIC = "camera raw", "HEIC"
AVIF = "AVIF"

# Suffixes of images that are decoded if they hold what they are named after.
SUFFIXES = (
    *(".bmp", ".gif", ".jpe", ".jpeg", ".jfif", ".jpg", ".mpo", ".pbm", ".pgm", ".pnm", ".png"),
    *(".ppm", ".tif", ".tiff", ".webp"),
)
RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
OTHER_SUFFIXES = (
    *(".avif", ".avifs", ".eps", ".exr", ".heic", ".heics", ".heif", ".heifs", ".hif", ".ico"),
    *(".j2k", ".jp2", ".jpf", ".jpx", ".jxl", ".jxr", ".psb", ".psd", ".qoi", ".svg", ".tga"),
    *(".wdp", ".xcf"),
)

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0\x10\0\0\0CR", RAW),
    (b"II\x1a\0\0\0HEAPCCDR", RAW),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"IIU\0", RAW),
    (b"\0MRM", RAW),
    (b"FOVb", RAW),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"MM*\0", "TIFF"),
    (b"II\0*", "TIFF"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"gimp xcf", "GIMP"),
    (b"v/1\x01", "OpenEXR"),
    (b"qoif", "QOI"),
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # lengths of the header that follows
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf"}


def kind_of(head: bytes) -> str | None:
    """Return the kind of image that begins with these bytes, or None if it is none we know.

    Args:
        head: The first `HEAD_BYTES` of a file, or more.
    """
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if re.match(rb"P[1-6f][\s#]+(#|\d)", head):
        return "PPM"
    return _boxed(head) if head[4:8] == b"ftyp" else None


def _boxed(head: bytes) -> str | None:
    """Tell images in ISO base media files by their brands; films have others."""
    length = min(int.from_bytes(head[:4], "big"), HEAD_BYTES)
    brands = {head[at : at + 4] for at in (8, *range(16, length - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return AVIF
    if head[8:12] == b"crx ":
        return RAW
    return HEIC if brands & _HEIC_BRANDS else None


def is_image_name(name: str) -> bool:
    """Say whether a file is named as an image that may be decoded."""
    return name.lower().endswith(SUFFIXES)


def is_raw_name(name: str) -> bool:
    """Say whether a file is named as a camera's raw data; many of these are TIFF files inside."""
    return name.lower().endswith(RAW_SUFFIXES)


def is_picture_name(name: str) -> bool:
    """Say whether a file is named as a picture of any kind, decoded or not."""
    return name.lower().endswith((*SUFFIXES, *RAW_SUFFIXES, *OTHER_SUFFIXES))
