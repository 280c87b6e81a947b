"""The description of the API as one page, without a script and without another host."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 0.875rem/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid #8886; border-radius: 4px; }
summary { cursor: pointer; padding: 0.25rem 0; }
summary b { display: inline-block; min-width: 4rem; }
details { border-bottom: 1px solid #8883; padding: 0.25rem 0; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 0.1rem 1rem 0.1rem 0; }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"

Json = Mapping[str, Any]


def install(app: FastAPI) -> None:
    """Serve the page at `/docs`."""

    async def docs(request: Request) -> HTMLResponse:
        base = str(request.base_url).rstrip("/")
        return HTMLResponse(page(app.openapi(), base), headers={"Content-Security-Policy": _POLICY})

    app.add_api_route("/docs", docs, include_in_schema=False)


def page(described: Json, base: str) -> str:
    """Write the page for an API that is found at *base*."""
    info = described["info"]
    return "".join(
        (
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width'>",
            f"<title>{escape(info['title'])}: HTTP API</title><style>{_STYLE}</style>",
            f"<h1>{escape(info['title'])}: HTTP API</h1><p>{escape(info['summary'])}</p>",
            f"<pre>{escape(info['description'].strip())}</pre>",
            "<p>For generators: <a href=/openapi.json>openapi.json</a>.</p>",
            *_sections(described, base),
        )
    )


def _sections(described: Json, base: str) -> Iterator[str]:
    for tag in described["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>"
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield _operation(described, base, method.upper(), path, operation)


def _operation(described: Json, base: str, method: str, path: str, operation: Json) -> str:
    parameters = operation.get("parameters", ())
    body = body_of(described, operation)
    return (
        f"<details id={escape(operation['operationId'])}>"
        f"<summary><b>{method}</b> <code>{escape(path)}</code></summary>"
        f"<p>{escape(operation['description'])}</p>"
        f"{_table((p['name'], p['in'], p.get('description', '')) for p in parameters)}"
        f"<pre>{escape(_curl(base, method, path, operation, body))}</pre>"
        f"{_table((s, r['description'], '') for s, r in operation['responses'].items())}"
        "</details>"
    )


def _table(rows: Iterator[tuple[str, str, str]]) -> str:
    cells = (
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in (f"{row[0]}", *row[1:])) + "</tr>"
        for row in rows
    )
    return f"<table>{''.join(cells)}</table>"


def body_of(described: Json, operation: Json) -> Any:  # noqa: ANN401 - any JSON document
    """An example of what is sent: the whole form's, or made of its fields' own."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    form = described["components"]["schemas"].get(name, {})
    if "examples" in form:
        return form["examples"][0]
    fields = form.get("properties", {})
    return {field: part["examples"][0] for field, part in fields.items() if "examples" in part}


def _curl(base: str, method: str, path: str, operation: Json, body: object) -> str:
    for parameter in operation.get("parameters", ()):
        example = parameter["schema"].get("examples", [""])[0]
        path = path.replace("{" + parameter["name"] + "}", str(example))
    lines = [f"curl -X {method} {base}{path}"]
    if operation.get("security"):
        lines.append("-H 'Authorization: Bearer TOKEN'")
    if method == "POST" and path.startswith("/v1/"):
        lines.append("-H 'Idempotency-Key: one-of-your-own'")
    if method == "PATCH":
        lines.append("-H 'If-Match: \"1\"'")
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join(lines)
