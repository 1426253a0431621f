"""Requests made up from the service's own OpenAPI: none brings it down, none is told a path."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="makes requests up from OpenAPI")
requests = pytest.importorskip("requests", reason="comes with schemathesis")
pytest.importorskip("uvicorn", reason='needs the extra "serve"')

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis.errors import Unsatisfiable  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    response_schema_conformance,
    status_code_conformance,
)

from service.settings import ServiceLimits, ServiceSettings, hash_of  # noqa: E402
from tests.service.conftest import HEADERS, TOKEN  # noqa: E402
from tests.service.live import listening  # noqa: E402
from tests.waiting import NEVER_S  # noqa: E402

EXAMPLES = 4  # of each operation, of what fits the schema and of what does not


@pytest.fixture
def said(collection_dir: Path, tmp_path: Path) -> ServiceSettings:
    own = Path(shutil.copytree(collection_dir, tmp_path / "own"))
    return ServiceSettings(
        collections=(own,),
        uploads=tmp_path / "uploads",
        token_sha256=hash_of(TOKEN),
        device="cpu",
        limits=ServiceLimits(pixels=1_000_000),
    )


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_that_can_be_made_up_brings_it_down(
    said: ServiceSettings, tmp_path: Path, mode: Any
) -> None:
    seen = 0
    with listening(said) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=HEADERS)
        for found in schema.get_all_operations():
            operation = found.ok()

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                nonlocal seen
                seen += 1
                try:
                    told = case.call(headers=HEADERS, timeout=NEVER_S)
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    # It refuses some requests without reading their bodies, and hangs up.
                    assert requests.get(f"{url}/healthz", timeout=NEVER_S).status_code == 200
                    return
                text = told.content.decode("utf-8", "replace")
                assert told.status_code < 500 or told.status_code in (503, 504), text
                assert "Traceback" not in text
                assert str(tmp_path) not in text
                if told.status_code >= 400:
                    assert told.headers["content-type"] == ["application/problem+json"]
                case.validate_response(
                    told, checks=[response_schema_conformance, status_code_conformance]
                )

            with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
                check()
        assert seen > 40
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept <= {"own", "uploads"}
