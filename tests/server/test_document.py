"""The OpenAPI document, and what becomes of requests that are made from it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import KEY

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "negative_data_rejection", "unsupported_method", "ignored_auth",
)  # fmt: skip


def test_the_document_names_every_route_and_its_errors(server):
    document = server.call("GET", "/openapi.json").json()
    assert {path: sorted(operations) for path, operations in document["paths"].items()} == {
        "/run": ["post"],
        "/stream": ["post"],
        "/threads": ["get"],
        "/threads/{thread_id}": ["delete", "get"],
        "/threads/{thread_id}/resume": ["post"],
        "/threads/{thread_id}/history": ["get"],
        "/threads/{thread_id}/fork": ["post"],
        "/health_check": ["get"],
    }
    assert {"400", "401", "404", "409", "413", "429", "500", "503"} <= set(
        document["paths"]["/run"]["post"]["responses"]
    )
    asked = document["components"]["schemas"]["RunRequest"]
    assert asked["required"] == ["task", "model", "base_url"]


@pytest.mark.parametrize("path", ["/threads/x", "/run", "/health_check"])
def test_what_works_on_a_path_is_said_where_something_does_not(server, path):
    allowed = {"/threads/x": "DELETE, GET", "/run": "POST", "/health_check": "GET, HEAD"}
    refused = server.call("PATCH", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed[path])


def test_no_request_of_the_documents_kind_makes_the_server_fail(serve):
    server = serve("--checkpointer", "sqlite:///runs.db", LUMO_ALLOW_PRIVATE_BASE_URLS="")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json",
            "-H", f"Authorization: Bearer {KEY}", "--phases", "examples,fuzzing", "-n", "8", "--seed", "1",
            "--checks", ",".join(CHECKS),
        ],
        cwd=server.folder, env={**os.environ, "NO_COLOR": "1"},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"\d+ generated", done.stdout)
    assert "Traceback" not in server.text
