"""Write docs/http-api.md from OpenAPI, so that it is never typed twice. Run from the root."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import ServiceSettings

TARGET = Path("docs/http-api.md")
HEAD = """# HTTP, every address

Written by `scripts/http_reference.py`; do not edit. How to ask, with examples: [http.md](http.md).
Errors are [problem+json](http.md#errors).
"""


def reference() -> str:
    """Return the reference in Markdown."""
    told = create_app(ServiceSettings(collections=(Path("my-faces"),))).openapi()
    parts = [HEAD]
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            parts.append("\n".join(_operation(told, method.upper(), path, operation)))
    return "\n".join(parts)


def _operation(
    told: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> Iterator[str]:
    yield f"## {method} {path}\n"
    yield operation["description"].partition("\n")[0] + "\n"
    fields = [*_parameters(operation), *_body(told, operation)]
    if fields:
        yield "| name | in | type | |\n|---|---|---|---|"
        yield from fields
        yield ""
    for status, answer in operation["responses"].items():
        if status in {"default", "422"}:
            continue
        for kind, content in answer.get("content", {}).items():
            schema = content.get("schema", {})
            if "$ref" in schema:
                name = _name(schema["$ref"])
                keys = ", ".join(
                    f"`{key}`" for key in told["components"]["schemas"][name]["properties"]
                )
                yield f"{status}: {keys}.\n"
            elif schema or kind != "application/json":
                yield f"{status}: `{kind}`.\n"


def _parameters(operation: dict[str, Any]) -> Iterator[str]:
    for one in operation.get("parameters", []):
        yield _row(
            one["name"],
            one["in"],
            one["schema"],
            one.get("required", False),
            one.get("description", ""),
        )


def _body(told: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        where = "form" if "form" in kind else "JSON"
        schema = told["components"]["schemas"][_name(_reference(content["schema"]))]
        for name, field in schema["properties"].items():
            needed = name in schema.get("required", [])
            yield _row(name, where, field, needed, field.get("description", ""))


def _reference(schema: dict[str, Any]) -> str:
    found: str = schema["$ref"] if "$ref" in schema else schema["allOf"][0]["$ref"]
    return found


def _row(name: str, where: str, schema: dict[str, Any], needed: bool, said: str) -> str:
    also = " (needed)" if needed else ""
    return f"| `{name}`{also} | {where} | {_type(schema)} | {said} |"


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return f"several: {_type(schema['items'])}"
    if schema.get("contentMediaType") or schema.get("format") == "binary":
        return "file"
    return str(schema.get("type", "object"))


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


if __name__ == "__main__":
    TARGET.write_text(reference(), "utf-8")
