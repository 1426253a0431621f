"""Protocols in TOML files, and those that ship by name.

```toml
name = "studio-mini"
methods = ["ours*", "two-step*", "random"]    # patterns; --methods overrides them

[split]
train_identities = "100"                      # or a share, "0.7"; leave out: who is on the card

[gallery]                                     # images that may stand in it; "" is "not known"
accessory = ["none"]

[sources]                                     # asked about, and in no gallery
occlusion = ["block", "eyes"]

[names.pose]                                  # what the weights call values of this collection
left = "-45"                                  # images with others are left out

[queries]
attributes = ["pose"]
wishes = 1                                    # attributes that each query wishes for at once
count = 10000
seed = 0

[judging]
criteria = ["C1", "C2"]
cutoffs = [1, 5, 10, 20]
exclude_source = false
portraits = false                             # shown to recognisers, as in a search

[subsets."neutral illumination"]              # values of the source
illumination = "0"
```
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gallery.attributes import Condition
from gallery.errors import ConfigError, did_you_mean
from retrieval.evaluation.protocol.protocol import Protocol

TEXTS = "a list of texts"
KEYS: dict[str, dict[str, tuple[str, str]]] = {  # table -> key -> (field of Protocol, kind)
    "": {"name": ("name", "a text"), "methods": ("methods", TEXTS)},
    "split": {"train_identities": ("train_identities", "a text")},
    "queries": {
        "attributes": ("attributes", TEXTS),
        "wishes": ("wishes", "a whole number"),
        "count": ("queries", "a whole number"),
        "seed": ("seed", "a whole number"),
    },
    "judging": {
        "criteria": ("criteria", TEXTS),
        "cutoffs": ("cutoffs", "a list of whole numbers"),
        "exclude_source": ("exclude_source", "true or false"),
        "portraits": ("portraits", "true or false"),
    },
}
FREE = ("gallery", "sources", "names", "subsets")  # their keys are attributes and names


def shipped_protocols() -> dict[str, Path]:
    """Return the protocol files that come with mindseye, by name."""
    here = Path(__file__).parent
    for folder in (here.parents[2] / "benchmarks" / "protocols", here.parent / "shipped_protocols"):
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return {}


def find_protocol(given: str | None, spec: str) -> Protocol:
    """Return the protocol that the user named, or the collection's own.

    Args:
        given: A file, or the name of a shipped one. None: the shipped one that is named like the
            SPEC ("studio-mini"), or else the defaults.
        spec: What is searched.

    Raises:
        ConfigError: There is no such file or name, or its content is no protocol.
    """
    shipped = shipped_protocols()
    if given is None:
        return read_protocol(shipped[spec]) if spec in shipped else Protocol()
    if given in shipped and not Path(given).is_file():  # a folder may be named like it
        return read_protocol(shipped[given])
    if not Path(given).is_file():
        raise ConfigError(
            f"There is no protocol file {given!r}; give a .toml file or a shipped name."
            f" {did_you_mean(given, shipped).capitalize()}"
        )
    return read_protocol(Path(given))


def read_protocol(path: Path) -> Protocol:
    """Read a protocol file.

    Raises:
        ConfigError: It cannot be read, has an unknown key, or a value of another kind.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"Cannot read the protocol {path}: {error}") from error
    tables = {key: value for key, value in data.items() if isinstance(value, dict)}
    alone = {key: value for key, value in data.items() if key not in tables}
    _check_names(tables, [*(name for name in KEYS if name), *FREE], f"{path}:")
    settings = _settings("", alone, path)
    for table in [name for name in KEYS if name]:
        settings |= _settings(table, tables.get(table, {}), path)
    for table in ("gallery", "sources"):
        settings[table] = {
            name: tuple(_of_kind(value, TEXTS, f"{path}: {table}.{name}"))
            for name, value in tables.get(table, {}).items()
        }
    settings["names"] = {
        name: dict(_condition(value, f"{path}: names.{name}"))
        for name, value in tables.get("names", {}).items()
    }
    settings["subsets"] = {
        name: _condition(value, f"{path}: subsets.{name}")
        for name, value in tables.get("subsets", {}).items()
    }
    settings.setdefault("name", path.stem)
    return Protocol(**settings)


def _settings(table: str, given: Mapping[str, Any], path: Path) -> dict[str, Any]:
    where = f"{path}: {table}." if table else f"{path}: "
    _check_names(given, KEYS[table], where.rstrip(". "))
    settings = {}
    for key, value in given.items():
        field, kind = KEYS[table][key]
        found = _of_kind(value, kind, where + key)
        settings[field] = tuple(found) if isinstance(found, list) else found
    return settings


def _check_names(given: Iterable[str], known: Iterable[str], where: str) -> None:
    names = [name for name in known if name]
    for name in given:
        if name not in names:
            raise ConfigError(f"{where} unknown key {name!r}; {did_you_mean(name, names)}")


def _condition(value: Any, where: str) -> Condition:  # noqa: ANN401  TOML is what it is
    if not isinstance(value, dict) or not value:
        raise ConfigError(f'{where} must name values, like illumination = "0"; got {value!r}')
    named = {name: _of_kind(one, "a text", f"{where}.{name}") for name, one in value.items()}
    return Condition(named)


def _of_kind(value: Any, kind: str, where: str) -> Any:  # noqa: ANN401
    items = value if isinstance(value, list) else [value]
    wanted = _type_of(kind)
    right = all(type(item) is wanted for item in items)
    if not right or isinstance(value, list) != kind.startswith("a list"):
        raise ConfigError(f"{where} must be {kind}, got {value!r}")
    return value


def _type_of(kind: str) -> type:
    if "text" in kind:
        return str
    return int if "number" in kind else bool
