"""Problems are declared once, and everything that is documented is built from there."""

import json

import pytest

from sens.domain.errors import Fatal, Retry, SensError
from sens.platform_api.app import openapi_document
from sens.platform_api.handlers import problem_of
from sens.platform_api.problems import ProblemType, problems_markdown
from sens.storage.errors import DatabaseAway, DatabaseBusy, DatabaseDenied, DataRefused, SchemaMismatch
from sens.storage.migrate import SchemaBehind
from sens.stream.errors import StreamAway, StreamFull, StreamMissing
from sens.stream.replay import NobodyReplays, ReplayFailed


def test_types_are_stable_and_unlike_each_other() -> None:
    assert len({each.value for each in ProblemType}) == len(ProblemType)
    assert all(each.value.startswith("urn:sens:problem:") for each in ProblemType)
    assert all(400 <= each.status < 600 and each.summary and each.text for each in ProblemType)


def test_the_reference_names_every_type() -> None:
    table = problems_markdown()
    assert all(f"| `{each.value}` | {each.status} |" in table for each in ProblemType)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DatabaseAway("host db-1"), ProblemType.DATABASE_UNAVAILABLE),
        (SchemaBehind("no schema"), ProblemType.DATABASE_UNAVAILABLE),
        (DatabaseBusy("timeout"), ProblemType.QUERY_TOO_LONG),
        (DataRefused("no such zone"), ProblemType.INVALID_REQUEST),
        (SchemaMismatch("newer"), ProblemType.MISCONFIGURED),
        (DatabaseDenied("password"), ProblemType.MISCONFIGURED),
        (StreamAway("host nats-1"), ProblemType.STREAM_UNAVAILABLE),
        (StreamFull("full"), ProblemType.STREAM_FULL),
        (StreamMissing("gone"), ProblemType.STREAM_UNAVAILABLE),
        (NobodyReplays("none"), ProblemType.NO_WORKER),
        (ReplayFailed("why"), ProblemType.REPLAY_FAILED),
        (Retry("later"), ProblemType.DATABASE_UNAVAILABLE),
        (Fatal("never"), ProblemType.MISCONFIGURED),
    ],
)
def test_every_error_of_ours_is_a_problem(error: SensError, expected: ProblemType) -> None:
    problem = problem_of(error)
    assert problem.type is expected
    assert "db-1" not in problem.detail
    assert "nats-1" not in problem.detail


def test_the_document_is_complete() -> None:
    document = openapi_document()
    text = json.dumps(document)
    assert document["openapi"] == "3.1.0"
    assert "HTTPValidationError" not in text
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    assert all(op["description"] for op in operations)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            opens = operation["operationId"] in ("log_in", "set_up")
            assert ("security" in operation) == (path.startswith("/api/") and not opens), path
            if path.startswith("/api/"):
                assert {"401", "422", "500", "503"} <= operation["responses"].keys()
                assert ("403" in operation["responses"]) == (not opens)
            for status, answer in operation["responses"].items():
                if status >= "400" and path.startswith("/api/"):
                    assert answer["content"].keys() == {"application/problem+json"}, path


def test_two_documents_are_the_same() -> None:
    assert json.dumps(openapi_document()) == json.dumps(openapi_document())
