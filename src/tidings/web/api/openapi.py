"""The OpenAPI document, made of what the operations declare."""

import json
import re
from collections.abc import Iterable
from typing import Any

from tidings.model.scopes import API_PATH
from tidings.templating.site import Site
from tidings.web.api.operations import Argument, Operation, number, text
from tidings.web.api.schemas import SCHEMAS, ref

# What stands in addresses.
IN_PATHS = {
    "id": Argument(name="id", about="The number of an entry.", schema=number(least=1)),
    "slug": Argument(name="slug", about="The name in addresses.", schema=text(longest=200)),
}

PROBLEM = {
    "description": "What is wrong, and what to do (RFC 9457).",
    "content": {"application/problem+json": {"schema": ref("Problem")}},
}


def render_openapi(operations: Iterable[Operation], site: Site) -> bytes:
    """Return the document (OpenAPI 3.1) of some operations."""
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one)
    document = {
        "openapi": "3.1.1",
        "info": {
            "title": site.title,
            "version": site.version,
            "description": "What is published here, as JSON; and, with a token, what operators do.",
        },
        "servers": [{"url": f"{site.base_url}{API_PATH}"}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _described(operation: Operation) -> dict[str, Any]:
    in_path = [IN_PATHS[name] for name in re.findall(r"{(\w+)}", operation.path)]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.about,
        "parameters": [
            *(_parameter(one, place="path", is_required=True) for one in in_path),
            *(_parameter(one, place="query") for one in operation.query),
        ],
        "responses": {str(operation.status): _answer(operation), "4XX": PROBLEM, "5XX": PROBLEM},
    }
    if operation.role:
        described["security"] = [{"token": []}]
        described["description"] = f"With a token whose role is `{operation.role}`, or may more."
    if operation.body:
        schema = {
            "type": "object",
            "properties": {
                one.name: {**one.schema, "description": one.about} for one in operation.body
            },
            "required": [one.name for one in operation.body if one.is_required],
            "additionalProperties": False,
        }
        content = {"application/json": {"schema": schema}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameter(one: Argument, *, place: str, is_required: bool = False) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": place,
        "description": one.about,
        "required": is_required or one.is_required,
        "schema": one.schema,
    }


def _answer(operation: Operation) -> dict[str, Any]:
    if not operation.result:
        return {"description": "Done."}
    content = {"application/json": {"schema": ref(operation.result)}}
    return {"description": operation.about, "content": content}
