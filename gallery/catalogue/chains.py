"""Long expressions made short: what many terms ask of one name becomes one term.

    identity=a or identity=b or pose=45    ->  identity in (a, b) or pose=45
    not pose=0 and not pose=45             ->  not pose in (0, 45)
    pose!=0 and pose!=45                   ->  pose is known and not pose in (0, 45)

An image has several files: `path!=a and path!=b` may be true of one that lies at both, so terms
about files are joined only where that changes nothing.
"""

from collections.abc import Iterable

from gallery.catalogue.where import Every, Expression, Not, Predicate, Some

OF_FILES = ("path", "size_bytes", "mtime_ns")


def shorten(expression: Expression) -> Expression:
    """Return an expression that is true of the same images, with as few terms as may be."""
    match expression:
        case Every(parts):
            return _every(_flat(Every, map(shorten, parts)))
        case Some(parts):
            return _some(_flat(Some, map(shorten, parts)))
        case Not(part):
            return Not(shorten(part))
        case Predicate():
            return expression


def _flat(chain: type[Every] | type[Some], parts: Iterable[Expression]) -> list[Expression]:
    """Put the parts of a chain within a chain of the same kind beside the others."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, chain) else [part]
    return flat


def _every(parts: list[Expression]) -> Expression:
    denied = [part.part for part in parts if isinstance(part, Not)]
    kept: list[Expression] = []
    for part in parts:
        if isinstance(part, Predicate) and part.operator == "!=" and part.name not in OF_FILES:
            kept.append(Predicate(part.name, "known", (), part.at))
            denied.append(Predicate(part.name, "in", part.values, part.at))
        elif not isinstance(part, Not):
            kept.append(part)
    if denied:
        kept.append(Not(_some(denied)))
    return _joined(Every, kept)


def _some(parts: list[Expression]) -> Expression:
    """Join what is asked for of one name, where the first such term stands."""
    wanted: dict[str, dict[str, None]] = {}
    first: dict[str, int] = {}
    others: list[Expression] = []
    for part in parts:
        if isinstance(part, Predicate) and part.operator in ("=", "in"):
            wanted.setdefault(part.name, {}).update(dict.fromkeys(part.values))
            first.setdefault(part.name, part.at)
        else:
            others.append(part)
    joined = [Predicate(name, "in", tuple(values), first[name]) for name, values in wanted.items()]
    return _joined(Some, [*joined, *others])


def _joined(chain: type[Every] | type[Some], parts: list[Expression]) -> Expression:
    once = list(_once(parts))
    return once[0] if len(once) == 1 else chain(tuple(once))


def _once(parts: Iterable[Expression]) -> Iterable[Expression]:
    """Yield each comparison once."""
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    for part in parts:
        if isinstance(part, Predicate):
            key = (part.name, part.operator, part.values)
            if key in seen:
                continue
            seen.add(key)
        yield part
