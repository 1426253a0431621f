"""What README and docs promise: commands that parse, links that lead somewhere, a short README."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

import cli  # noqa: TID251  its tests may
import mindseye  # noqa: TID251  its tests may

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
)
README_WORDS = 900
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(mindseye [^`]+)`")
CALL = re.compile(r"(?:^|[;&]\s*|\bdo\s+|Example:\s+|\btime\s+|^\$\s+)(mindseye [a-z-][^;&|]*)")
FILE = re.compile(r"(?<![\w/.-])(?:scripts|experiments|benchmarks)/[\w./-]+")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def lines_of(block: str) -> list[str]:
    """Return the lines of a block, those that go on put together, without comments."""
    joined = re.sub(r"\\\n\s*", "", block)
    return [re.sub(r"\s#\s.*", "", line).strip() for line in joined.splitlines()]


def commands_of(page: str) -> list[str]:
    """Return every command that a page shows."""
    text = read(page)
    shown = [
        call
        for block in BLOCK.findall(text)
        for line in lines_of(block)
        for call in CALL.findall(line)
    ]
    outside = BLOCK.sub("", text)
    named = (re.sub(r"\s+", " ", call) for call in INLINE.findall(outside))
    return shown + [f"{call} VALUE" if re.search(r" --[a-z-]+$", call) else call for call in named]


def parse(words: list[str]) -> None:
    """Parse what follows `mindseye`: which command, which options; values are not looked at."""
    command = typer.main.get_command(cli.app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name, words = words[0], words[1:]
        assert name in command.commands, f"no command {name!r}"
        command = command.commands[name]
    command.make_parser(command.context_class(command)).parse_args(
        [word for word in words if word != "…"]
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_shows_has_these_options(page: str) -> None:
    for command in commands_of(page):
        words = shlex.split(command)[1:]
        if words[0] in {"COMMAND", "…"}:
            continue
        try:
            parse(words)
        except Exception as problem:
            problem.add_note(f"{page}: {command}")
            raise


def test_an_option_that_does_not_exist_is_seen() -> None:
    with pytest.raises(Exception, match="--recipes"):
        parse(["train", "SPEC", "--recipes", "tuned"])
    with pytest.raises(AssertionError, match="no command"):
        parse(["index", "bild"])


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    folder = (ROOT / page).parent
    targets = [link for link in LINK.findall(BLOCK.sub("", read(page))) if "://" not in link]
    missing = [link for link in targets if not (folder / link).exists()]
    assert not missing, f"{page} links to {missing}"


def test_readme_is_short_and_has_one_table() -> None:
    text = read("README.md")
    assert len(text.split()) <= README_WORDS
    assert len(re.findall(r"^\|(?:---|:?-+:?\|)", text, re.MULTILINE)) == 1


def test_commands_are_found_at_all() -> None:
    assert "mindseye bench studio-mini --out results/mini" in [
        command.strip() for page in PAGES for command in commands_of(page)
    ]
    assert len(commands_of("README.md")) > 2
    assert len(commands_of("docs/benchmark.md")) > 4


def test_the_way_in_names_every_page() -> None:
    named = set(LINK.findall(read("docs/README.md")))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert not pages - named


def test_every_entry_of_the_log_has_a_verdict_and_stands_in_its_contents() -> None:
    text = read("docs/log.md")
    contents, _, entries = text.partition("\n## ")
    titles = re.findall(r"^## (.*)$", f"## {entries}", re.MULTILINE)
    for title in titles:
        assert re.search(r"\(.*(work|failed|no difference that can be told).*\)$", title), title
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        assert f"(#{anchor})" in contents, title


def test_what_readme_calls_in_python_exists() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    compile(code, "README.md", "exec")
    owners = {"mindseye": mindseye, "gallery": mindseye.Gallery, "answer": mindseye.Answer}
    for owner, name in re.findall(r"\b(mindseye|gallery|answer)\.(\w+)", code):
        assert hasattr(owners[owner], name), f"{owner}.{name}"


@pytest.mark.parametrize("page", [page for page in PAGES if "/adr/" not in page])
def test_every_file_of_the_project_that_a_page_names_is_there(page: str) -> None:
    named = (name.rstrip(".,") for name in FILE.findall(read(page)))
    missing = [name for name in named if "NAME" not in name and not (ROOT / name).exists()]
    assert not missing, f"{page} names {missing}"
