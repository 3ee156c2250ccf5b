"""The OpenAPI document shows what to send and what comes back: an example for every value of every operation."""

from collections.abc import Iterator
from typing import Any

import pytest

from sens.platform_api.app import openapi_document

DOCUMENT = openapi_document()
OPERATIONS = [
    pytest.param(path, operation, id=f"{method.upper()} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
SPEAKS_FOR_ITSELF = ("example", "examples", "enum", "const", "default")


def schema_of(reference: dict[str, Any]) -> dict[str, Any]:
    name = reference.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else reference


def without_example(schema: dict[str, Any], place: str) -> Iterator[str]:
    """Places of the schema at which a reader has to guess what a value looks like."""
    schema = schema_of(schema)
    if any(key in schema for key in SPEAKS_FOR_ITSELF):
        return
    if any(key in schema for key in ("anyOf", "oneOf", "allOf")):
        for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
            yield from without_example(each, place)
    elif schema.get("type") == "object" and "properties" in schema:
        for name, each in schema["properties"].items():
            yield from without_example(each, f"{place}.{name}")
    elif schema.get("type") == "array":
        yield from without_example(schema["items"], f"{place}[]")
    elif schema.get("type") not in {"boolean", "null"} and schema.get("format") not in {"date-time", "binary"}:
        yield place


def places_of(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for parameter in operation.get("parameters", ()):
        yield {**parameter["schema"], **parameter}, f"parameter {parameter['name']}"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield content.get("schema", content), "body"
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values() if status.startswith("2") else ():
            yield {**content.get("schema", {}), **content}, status


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_value_of_an_operation_has_an_example(path: str, operation: dict[str, Any]):
    assert operation["description"], path
    assert [each for schema, place in places_of(operation) for each in without_example(schema, place)] == []
