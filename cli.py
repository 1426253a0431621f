"""The command line: which commands there are, and how mistakes are told.

Each command is a function in `commands/`: it reads arguments, calls one function, prints what that
returned. Heavy modules are imported inside commands: `mindseye --help` must not wait for torch.
"""

import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated

import typer

from commands import (
    adapt,
    bench,
    data,
    demo,
    index_build,
    index_carry,
    index_change,
    index_look,
    query,
    serve,
    studio,
    train,
    weights,
)
from commands.garbage import leave_at_exit
from gallery.errors import UserError, name_not_utf8

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Picture what you are looking for, then find it.

    Draw a wished image ("this face, with sunglasses") and find what comes closest in a gallery.

    \b
    Example: mindseye query me.jpg --wish eyes=sunglasses --collection my-faces
    """
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"mindseye {installed('mindseye')}")
        raise typer.Exit


def _group(name: str, said: str, commands: dict[str, Callable[..., None]]) -> None:
    """Add commands that are called by two words."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    for second, command in commands.items():
        group.command(second)(command)
    app.add_typer(group, name=name, help=said)


app.command("train")(train.train)
app.command("adapt")(adapt.adapt)
app.command("query")(query.query)
app.command("bench")(bench.bench)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
_group(
    "weights",
    "Look at the weights that ship, and at others.",
    {
        "list": weights.list_packaged,
        "show": weights.show,
        "fit": weights.fit,
        "distil": weights.distil,
        "agree": weights.agree,
    },
)
_group(
    "studio",
    "Draw synthetic faces with exact labels.",
    {"assets": studio.assets, "draw": studio.draw, "lift": studio.lift},
)
_group(
    "data",
    "Look at collections of images.",
    {"show": data.show, "find-faces": data.find_faces, "strengths": data.strengths},
)
_group(
    "index",
    "Build and inspect the index of a gallery.",
    {
        "build": index_build.build,
        "add": index_build.add,
        "remove": index_change.remove,
        "verify": index_look.verify,
        "compact": index_change.compact,
        "export": index_carry.export,
        "import": index_carry.import_,
        "move": index_carry.move,
        "show": index_look.show,
    },
)


def main() -> None:
    """Run a command; show what the user can put right in one line, without a traceback."""
    leave_at_exit()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names that are not UTF-8 are shown escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(standalone_mode=False)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        message = _explained(error)
        if message is None:
            raise
        _fail(message)
    sys.exit(status if isinstance(status, int) else 0)


def _explained(error: Exception) -> str | None:
    """Say in one line what the user can put right; None of a mistake that is ours."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        return f"{name_not_utf8(error)}; rename that file or folder"
    if isinstance(error, OSError):
        return f"{error}; put this right and run the command again"
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error).lower()
    ):
        return "Out of memory. Say --device cpu, a smaller batch_size in --config, or fewer images"
    return _usage(error)


def _usage(error: Exception) -> str | None:
    """Say what typer says of a wrong command line; its exceptions share no public class."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error))
        sys.exit(2)
    if not hasattr(error, "format_message"):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mindseye"
    return f"{error.format_message().rstrip('.')}. See `{path} --help`"


def _fail(message: str) -> None:
    typer.echo(f"Error: {' '.join(message.split())}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
