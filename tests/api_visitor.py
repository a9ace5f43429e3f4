"""A program that speaks to the API, and holds every answer against the description of it."""

import gzip
import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator


@dataclass
class ApiAnswer:
    status: int
    headers: dict[str, str]
    value: object


class ApiVisitor:
    """Asks for paths below that of the API; `asked` are the operations that were answered."""

    def __init__(self, visitor, *, token=""):
        self.visitor = visitor
        self.token = token
        self.asked = set()
        self.description = json.loads(visitor.ask("/api/openapi.json").body)

    def __call__(self, path, *, method="GET", body=None, token=None, **headers):
        token = self.token if token is None else token
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        kind = {} if body is None else {"Content_Type": "application/json"}
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.visitor.ask(
            f"/api/v1{path}", method=method, body=sent, **(kind | bearer | headers)
        )
        plain = answer.body
        if answer.headers.get("content-encoding") == "gzip":
            plain = gzip.decompress(plain)
        value = json.loads(plain) if plain else None
        self.check(method, path, answer, value)
        return ApiAnswer(answer.status, answer.headers, value)

    def check(self, method, path, answer, value):
        """Hold an answer against what is said of its operation."""
        if answer.status == 304 or method == "HEAD":
            assert value is None
            return
        operation = self.operation(method, path)
        if answer.status < 400 and operation:
            self.asked.add((method, operation["operationId"]))
        responses = operation["responses"] if operation else {}
        said = responses.get(str(answer.status)) or {"content": PROBLEM}
        if "content" not in said:
            assert value is None
            return
        [(media_type, content)] = said["content"].items()
        assert answer.headers["content-type"] == media_type
        validator(self.description, content["schema"]).validate(value)

    def operation(self, method, path):
        """Return what is said of an operation; None if nothing is."""
        bare = urlsplit(path).path
        for template, methods in self.description["paths"].items():
            if (
                re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), bare)
                and method.lower() in methods
            ):
                return methods[method.lower()]
        return None

    def every(self, path, name):
        """Return all items of a list, part by part."""
        items, answer = [], self(path)
        while True:
            items += answer.value[name]
            if answer.value["next"] is None:
                assert "link" not in answer.headers
                return items
            assert answer.headers["link"] == f'<{answer.value["next"]}>; rel="next"'
            answer = self(answer.value["next"].partition("/api/v1")[2])


PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def validator(description, schema):
    return Draft202012Validator(
        {**schema, "components": description["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
