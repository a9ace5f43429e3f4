"""Operations of the API: what may be asked, declared once.

Routes, the checks of what was given, and the OpenAPI document are made of these declarations.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from tidings.errors import InvalidError
from tidings.model.operators import Role

# A JSON Schema: only what `_fault` knows may stand in one of an argument.
Schema = Mapping[str, Any]

TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
}

DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A parameter of an address, or a member of a body."""

    name: str
    about: str
    schema: Schema
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that can be asked.

    Attributes:
        path: Below that of the API; `{slug}` and `{id}` stand for what is in the address.
        about: A sentence.
        result: The name of a schema; empty if nothing is answered but the status.
        query: Parameters; others are refused.
        body: Members of the JSON object that is sent; others are refused.
        role: Of the token that it takes; None if it takes none.
    """

    method: str
    path: str
    name: str
    about: str
    result: str
    status: int = 200
    query: tuple[Argument, ...] = ()
    body: tuple[Argument, ...] = ()
    role: Role | None = None


def text(*, longest: int) -> Schema:
    """Return the schema of one line of text."""
    return {"type": "string", "maxLength": longest}


def number(*, least: int = 0, most: int = 10**15) -> Schema:
    """Return the schema of a number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def one_of(choices: Sequence[str]) -> Schema:
    """Return the schema of a word out of some."""
    return {"type": "string", "enum": list(choices)}


def read_query(operation: Operation, query: QueryParams) -> dict[str, Any]:
    """Return the parameters of a request.

    Raises:
        InvalidError: One is unknown, given twice, or cannot be what it should be.
    """
    given: dict[str, Any] = {}
    for name, value in query.multi_items():
        if name in given:
            raise InvalidError("parameter", name, "is given twice")
        is_number = _schemas(operation.query).get(name, {}).get("type") == "integer"
        given[name] = int(value) if is_number and DIGITS.fullmatch(value) else value
    return _checked(given, operation.query, kind="parameter")


def read_object(operation: Operation, body: bytes) -> dict[str, Any]:
    """Return the members of a body.

    Raises:
        InvalidError: It is no JSON object, or a member is unknown, missing, or cannot be.
    """
    try:
        given = json.loads(body)
    # A deep nest of brackets ends the parser's recursion.
    except (ValueError, RecursionError) as error:
        raise InvalidError("body", "", "expected JSON, in UTF-8") from error
    if not isinstance(given, dict):
        raise InvalidError("body", "", "expected a JSON object")
    return _checked(given, operation.body, kind="member")


def _checked(given: dict[str, Any], known: tuple[Argument, ...], *, kind: str) -> dict[str, Any]:
    schemas = _schemas(known)
    for name, value in given.items():
        if name not in schemas:
            expected = f"expected one of {', '.join(schemas)}" if schemas else "expected none"
            raise InvalidError(kind, name[:100], expected)
        if fault := _fault(value, schemas[name]):
            raise InvalidError(name, value if len(str(value)) < 100 else "…", fault)
    for one in known:
        if one.is_required and one.name not in given:
            raise InvalidError(kind, one.name, "is missing")
    return given


def _schemas(known: tuple[Argument, ...]) -> dict[str, Schema]:
    return {one.name: one.schema for one in known}


def _fault(value: object, schema: Schema) -> str:
    """Return what a value should be and is not; empty if nothing is wrong."""
    # `type`, for a Boolean is an `int` as well.
    if type(value) is not TYPES[schema["type"]]:
        return f"expected {'a whole number' if schema['type'] == 'integer' else schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        return f"expected one of {', '.join(schema['enum'])}"
    if type(value) is int and not schema["minimum"] <= value <= schema["maximum"]:
        return f"expected a number from {schema['minimum']} to {schema['maximum']}"
    if isinstance(value, str):
        return _fault_of_text(value, longest=schema.get("maxLength", len(value)))
    if isinstance(value, list):
        faults = [_fault(one, schema["items"]) for one in value[: schema["maxItems"]]]
        too_many = f"expected at most {schema['maxItems']}"
        return too_many if len(value) > len(faults) else next(filter(None, faults), "")
    return ""


def _fault_of_text(value: str, *, longest: int) -> str:
    # Neither a NUL, which PostgreSQL takes in no text, nor half a character.
    is_line = len(value) <= longest and value.isprintable()
    return "" if is_line else f"expected one line of at most {longest} characters"
