import subprocess
import sys


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def test_without_numba_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from gallery.errors import ConfigError\n"
        "try:\n    import gallery.studio.writer\n"
        "except ConfigError as error:\n    print(error)"
    )
    assert "pip install 'mindseye[studio]'" in python(code)


def test_reading_a_drawn_set_needs_no_numba() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from gallery.readers.known import READERS\nprint(*READERS)"
    )
    assert "studio" in python(code).split()
