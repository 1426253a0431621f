"""What is told of something: data for programs, and a text for people."""

from collections.abc import Mapping
from typing import Any


class Report(dict[str, Any]):
    """A dictionary as commands print it with `--json`; `str` of it is what they print without.

    >>> told = Report({"removed": 2}, "2 images are gone")
    >>> told["removed"]
    2
    >>> print(told)
    2 images are gone
    """

    def __init__(self, data: Mapping[str, Any], text: str) -> None:
        super().__init__(data)
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __reduce__(self) -> tuple[type["Report"], tuple[dict[str, Any], str]]:
        return Report, (dict(self), self._text)
