"""Tools as the model sees them: typed Python functions without a body."""

import textwrap
from collections.abc import Sequence

from lumo_graph.excerpts import one_line, shorten
from lumo_graph.types import Parameter, ToolSpec

_DOC_CHARS = 4_000
_ANNOTATION_CHARS = 300
_SIGNATURE_WIDTH = 110
_ALL_STUBS_CHARS = 60_000


def render_stub(spec: ToolSpec) -> str:
    """A tool as Python source: signature, docstring with the parameters' descriptions, and `...`."""
    doc = _docstring(spec)
    return f"{_signature(spec)}\n{textwrap.indent(doc, '    ')}\n    ..." if doc else f"{_signature(spec)} ..."


def render_stubs(specs: Sequence[ToolSpec]) -> str:
    """All the tools, with as much about each as fits: docstrings, else first lines, else signatures, else names."""
    for render, gap in ((render_stub, "\n\n"), (_short_stub, "\n"), (_signature_stub, "\n")):
        text = gap.join(render(spec) for spec in specs)
        if len(text) <= _ALL_STUBS_CHARS:
            return text
    return shorten("\n".join(f"def {spec.name}(...): ..." for spec in specs), _ALL_STUBS_CHARS)


def summary_of(spec: ToolSpec, width: int = 160) -> str:
    """The first sentence or line of a tool's description."""
    first = spec.doc.strip().split("\n", 1)[0]
    return one_line(first, width)


def _short_stub(spec: ToolSpec) -> str:
    summary = summary_of(spec)
    return f"{_signature(spec)} ...  # {summary}" if summary else f"{_signature(spec)} ..."


def _signature_stub(spec: ToolSpec) -> str:
    return f"{_signature(spec)} ..."


def _signature(spec: ToolSpec) -> str:
    positional = [_parameter(part) for part in spec.parameters if not part.keyword_only]
    keyword_only = [_parameter(part) for part in spec.parameters if part.keyword_only]
    parts = [*positional, "*", *keyword_only] if keyword_only else positional
    opening = f"{'async def' if spec.is_async else 'def'} {spec.name}("
    closing = f") -> {one_line(spec.returns, _ANNOTATION_CHARS) or 'Any'}:"
    line = opening + ", ".join(parts) + closing
    if len(line) <= _SIGNATURE_WIDTH:
        return line
    return "\n".join([opening, *(f"    {part}," for part in parts), closing])


def _parameter(part: Parameter) -> str:
    text = f"{part.name}: {one_line(part.annotation, _ANNOTATION_CHARS) or 'Any'}"
    return text if part.default is None else f"{text} = {one_line(part.default, _ANNOTATION_CHARS)}"


def _docstring(spec: ToolSpec) -> str:
    doc = shorten(textwrap.dedent(spec.doc).strip(), _DOC_CHARS)
    described = [part for part in spec.parameters if part.description.strip()]
    if described and not any(line.strip() in ("Args:", "Parameters:", "Parameters") for line in doc.split("\n")):
        args = [f"    {part.name}: {one_line(part.description, 500)}" for part in described]
        doc = "\n".join([*([doc, ""] if doc else []), "Args:", *args])
    if not doc:
        return ""
    doc = doc.replace("\\", "\\\\").replace('"""', "'''").replace("```", "'''")
    fits = "\n" not in doc and not doc.endswith('"')
    return f'"""{doc}"""' if fits else f'"""{doc}\n"""'
