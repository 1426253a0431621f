import pytest

from gallery.catalogue.where import Every, Expression, Not, Predicate, Some, parse
from gallery.errors import ConfigError


def plain(found: Expression) -> object:
    """Return an expression as nested tuples, without places."""
    match found:
        case Predicate(name, operator, values):
            return (name, operator, *values)
        case Not(part):
            return ("not", plain(part))
        case Every(parts):
            return ("and", *map(plain, parts))
        case Some(parts):
            return ("or", *map(plain, parts))


A, B, C = ("a", "=", "1"), ("b", "=", "2"), ("c", "=", "3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pose=45", ("pose", "=", "45")),
        ("  pose = -45  ", ("pose", "=", "-45")),
        ("pose!=45°", ("pose", "!=", "45°")),
        ("age<30", ("age", "<", "30")),
        ("age<=30", ("age", "<=", "30")),
        ("age>30", ("age", ">", "30")),
        ("age>=30", ("age", ">=", "30")),
        ("path~/photos/*.jpg", ("path", "~", "/photos/*.jpg")),
        ("estimate.pose=45", ("estimate.pose", "=", "45")),
        ("'hair colour'=\"light brown\"", ("hair colour", "=", "light brown")),
        (r'who="a \"b\" \\ c"', ("who", "=", 'a "b" \\ c')),
        ("who='or'", ("who", "=", "or")),
        ("who=''", ("who", "=", "")),
        ("x in (1, two ,'3, 4')", ("x", "in", "1", "two", "3, 4")),
        ("x not in (1)", ("and", ("x", "known"), ("not", ("x", "in", "1")))),
        ("x is known", ("x", "known")),
        ("x is not unknown", ("x", "known")),
        ("x IS UNKNOWN", ("not", ("x", "known"))),
        ("x is not known", ("not", ("x", "known"))),
        ("a=1 and b=2 and c=3", ("and", A, B, C)),
        ("a=1 or b=2 and c=3", ("or", A, ("and", B, C))),
        ("a=1 and b=2 or c=3", ("or", ("and", A, B), C)),
        ("(a=1 or b=2) AND c=3", ("and", ("or", A, B), C)),
        ("not a=1 and b=2", ("and", ("not", A), B)),
        ("not (a=1 and not b=2)", ("not", ("and", A, ("not", B)))),
        ("not not a=1", ("not", ("not", A))),
        ("((a=1))", A),
        ("a=1\nand\tb=2", ("and", A, B)),
        ("known=1", ("known", "=", "1")),
    ],
)
def test_an_expression_is_read(text: str, expected: object) -> None:
    assert plain(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"at the end \(character 1\) expected a name, such as identity or pose\. Write like"),
        ("pose", r"at the end \(character 5\) expected =, !=, <, <=, >, >=, ~, `in"),
        ("pose 45", r"at '45' \(character 6\) expected =, !="),
        ("pose=", r"at the end \(character 6\) expected a value; quote it if it holds signs"),
        ("pose==45", r"at '=45' \(character 6\) expected a value"),
        ("pose=45 adn a=1", r"at 'adn' \(character 9\) .* the end; did you mean 'and'\?\. Write"),
        ("(a=1 orr b=2)", r"at 'orr' \(character 6\) expected `\)`, .*; did you mean 'or'\?"),
        ("pose=45 and", r"at the end \(character 12\) expected a name"),
        ("and a=1", r"at 'and' \(character 1\) expected a name"),
        ("(a=1", r"at the end \(character 5\) expected `\)`"),
        ("a=1)", r"at '\)' \(character 4\) expected `and`, `or` or the end"),
        ("a in 1", r"at '1' \(character 6\) expected `\(`, then values"),
        ("a in (1 2)", r"at '2\)' \(character 9\) expected `,` or `\)`"),
        ("a in ()", r"at '\)' \(character 7\) expected a value"),
        ("a is big", r"at 'big' \(character 6\) expected `known` or `unknown`"),
        ("a='1", r'at "\'1" \(character 3\) a quotation mark is not closed'),
        ("a=1 and b!2", r"at '!2' \(character 10\) no word"),
        ("a=1; drop table image", r"at 'drop' .* expected `and`"),
        ("not " * 50 + "a=1", "nested more than 40 deep"),
        ("(" * 50 + "a=1" + ")" * 50, "nested more than 40 deep"),
        ("a=" + "1" * 16_000_000, "takes at most 16,000,000 characters, got 16,000,002"),
        ("a=1 or " * 100 + "b or a=1", "--where .….{60}or a=1.: at 'or' .character 703. expec"),
        ("a in (" + "1, " * 100_000 + "2", r"2': at the end \(character 300008\) expected `,` or"),
        ("path='caf\udce9'", r"character 10 is '\\udce9', which no catalogue holds: .* or rename"),
        ("pose=\0", r"character 6 is '\\x00', which no catalogue holds"),
    ],
)
def test_what_is_no_expression_is_refused_where_it_goes_wrong(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        parse(text)
    assert len(str(refused.value)) < 400
