"""System messages. They stay the same for a whole run, so that a provider can cache them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lumo_graph.dialects.stubs import render_stubs
from lumo_graph.excerpts import bullets, shorten
from lumo_graph.types import Limits, ToolSpec

_SCHEMA_CHARS = 20_000
_MOST_PACKAGES = 100
_MOST_VARIABLES = 80

_HOW_TO_REPLY = """\
You solve tasks by writing Python. The code runs in an interpreter that keeps its variables, and you see what each \
piece of code did before you write the next one.

# How to reply

Write one or two sentences of thought, then one code block, then stop:

```python
squares = [n * n for n in range(1, 1001)]
print(len(squares))
squares[-3:]
```

The next message is the observation: what the code printed, the value of its last expression, and the error if there \
was one. Read it before you go on.

- Variables, functions and imports stay. Use them in later blocks instead of computing them again.
- You see only what is printed and the last expression, up to {chars:,} characters. Show small parts of large values.
- One block may run for {seconds:g} seconds, the tools it calls included{processor}.
- `await` works at the top level. `input()` does not: nobody is there to answer.
- A reply without a code block ends the task, with its text as the answer."""

_TOOLS = """\
# Tools

These functions exist already. Call them by name; do not import or define them. They take and return real Python \
objects, and raise an exception if they fail.

```python
{stubs}
```"""

_ASYNC_TOOLS = "Call the `async def` ones with `await`."

_NO_TOOLS = """\
# Tools

There are none: solve the task with Python alone."""

_IDIOMS = """\
# Good practice

Look at data before you transform it:

```python
print(type(data), len(data))
data[:2]
```"""

_LOOP = """\
Do many calls in one block, and keep what worked when one of them fails:

```python
results, failed = {{}}, {{}}
for item in items:
    try:
        results[item] = {call}
    except Exception as error:
        failed[item] = str(error)
print(len(results), "done;", failed)
```"""

_GATHER = """\
Make independent calls of an async tool together:

```python
import asyncio
results = await asyncio.gather(*({call} for item in items))
```"""

_RULES = """\
# Rules

- Answer only from results that you have seen. Never invent what a tool returns, and never write an observation \
yourself.
- Do not call a tool again for a result that is already in a variable.
- After an error, find its cause and change the code. Do not send the same block again.
- You can import {imports}. Nothing else can be installed.
- The code has no network and no access to files outside its own working directory{way_out}.{notes}"""

_FINISH = """\
# Finish

When the task is solved, pass the result to `final_answer`:

```python
final_answer(result)
```

`result` may be any value: text, a number, a list, a dict. Pass the variable that holds it instead of copying it by \
hand. Look at the result in an observation first: `final_answer` ends the task."""

_ANSWER_SCHEMA = "`result` must match this JSON Schema:\n\n```json\n{schema}\n```"

_TOOL_BRANCH = """\
You solve tasks by calling tools.

- Make calls that do not depend on each other in one reply.
- Answer only from results that you have seen. Never invent what a tool returns.
- Do not repeat a call whose result you have.
- If a call fails, read its error and change the arguments or the approach.
- When the task is solved, reply with the answer and call no other tool."""

_INTERPRETER = """\
# Python

`python_interpreter` runs code in an interpreter that keeps its variables, functions and imports from call to call. \
Its result is what the code printed, the value of its last expression, and the error if there was one.

- Use it to compute, to work through data, and to do many calls at once: loops and variables cost no further reply.
- You see only what is printed and the last expression, up to {chars:,} characters. Show small parts of large values.
- One call may run for {seconds:g} seconds, the tools it calls included{processor}.
- `await` works at the top level. `input()` does not: nobody is there to answer.
- You can import {imports}. Nothing else can be installed.
- The code has no network and no access to files outside its own working directory{way_out}.{notes}"""

_ENDS_BY_CODE = """\
- `final_answer(value)` in the code ends the task with any value: pass the variable instead of copying it by hand."""

_WAY_OUT = "; the tools are the only way out"

_FUNCTIONS = """\
In the code the tools are functions that exist already. They take and return real Python objects, and raise an \
exception if they fail:

```python
{stubs}
```"""

_TOOL_BRANCH_SCHEMA = """\
The answer must match this JSON Schema. Pass it to `final_answer`, or write it as JSON with nothing around it:

```json
{schema}
```"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What the model is told of the interpreter that its code runs in."""

    packages: Sequence[str]
    """Installed packages that code may import."""
    limits: Limits
    """How long an action and an observation may be."""
    imports: Sequence[str] | None = None
    """The modules that code may import; None: all that are installed."""
    notes: Sequence[str] = ()
    """Sentences about the session."""

    def filled(self, text: str) -> str:
        """A text with these facts in it."""
        limits, processor = self.limits, ""
        if limits.action_cpu_seconds is not None:
            processor = f", and use {limits.action_cpu_seconds:g} seconds of processor time, all threads together"
        return text.format(
            chars=limits.max_observation_chars,
            seconds=limits.action_seconds,
            processor=processor,
            imports=_imports(self.packages) if self.imports is None else _listed_imports(self.imports),
            notes="".join(f"\n- {note}" for note in self.notes),
        )


def code_prompt(
    tools: Sequence[ToolSpec],
    interpreter: Interpreter,
    *,
    instructions: str | None,
    response_schema: Mapping[str, Any] | None,
) -> str:
    """The system message of the code-action branch.

    Args:
        tools: what code may call.
        interpreter: where it runs.
        instructions: the user's own, put last.
        response_schema: JSON Schema that the answer must match; None for any answer.
    """
    sections = [
        interpreter.filled(_HOW_TO_REPLY),
        *_tool_sections(tools),
        interpreter.filled(_RULES.replace("{way_out}", _WAY_OUT if tools else "")),
        _FINISH,
    ]
    if response_schema is not None:
        sections.append(_ANSWER_SCHEMA.format(schema=_schema(response_schema)))
    return "\n\n".join([*sections, *_instructions(instructions)])


def tool_prompt(
    tools: Sequence[ToolSpec] = (),
    interpreter: Interpreter | None = None,
    *,
    instructions: str | None,
    response_schema: Mapping[str, Any] | None,
) -> str:
    """The system message of the function-call branch.

    Args:
        tools: what code may call, where code can be run.
        interpreter: where it runs; None: there is no `python_interpreter`.
        instructions: the user's own, put last.
        response_schema: JSON Schema that the answer must match; None for any answer.
    """
    sections = [_TOOL_BRANCH]
    if interpreter is not None:
        sections.append(interpreter_prompt(tools, interpreter, last=_ENDS_BY_CODE))
    if response_schema is not None:
        sections.append(_TOOL_BRANCH_SCHEMA.format(schema=_schema(response_schema)))
    return "\n\n".join([*sections, *_instructions(instructions)])


def interpreter_prompt(tools: Sequence[ToolSpec], interpreter: Interpreter, *, last: str = "") -> str:
    """What a function-calling model is told of `python_interpreter`.

    Args:
        tools: what code may call.
        interpreter: where it runs.
        last: one more line of the list.
    """
    told = interpreter.filled(_INTERPRETER.replace("{way_out}", _WAY_OUT if tools else ""))
    functions = _FUNCTIONS.format(stubs=render_stubs(tools)) if tools else ""
    return "\n\n".join(part for part in ("\n".join(part for part in (told, last) if part), functions) if part)


def variables_note(variables: Mapping[str, str]) -> str:
    """The variables that exist now, to be shown after the last message; empty if there are none.

    Args:
        variables: name to a short description, oldest first. Where there are many, the newest are shown.
    """
    if not variables:
        return ""
    older = max(0, len(variables) - _MOST_VARIABLES)
    newest = list(islice(variables.items(), older, None))
    listed = bullets(newest, lambda item: f"`{item[0]}`: {item[1]}", count=_MOST_VARIABLES, width=200)
    return f"Variables that exist now:\n{listed}" + (f"\n- and {older:,} older ones" if older else "")


def _tool_sections(tools: Sequence[ToolSpec]) -> list[str]:
    sections = [_TOOLS.format(stubs=render_stubs(tools)) if tools else _NO_TOOLS]
    if any(tool.is_async for tool in tools):
        sections.append(_ASYNC_TOOLS)
    sections.append(_IDIOMS)
    looped = next((call for tool in tools if (call := _call_of_item(tool))), None)
    if looped:
        sections.append(_LOOP.format(call=looped))
    gathered = next((call for tool in tools if tool.is_async and (call := _call_of_item(tool))), None)
    if gathered:
        sections.append(_GATHER.format(call=gathered.removeprefix("await ")))
    return sections


def _call_of_item(tool: ToolSpec) -> str:
    """A call of the tool with one argument, `item`; empty if it cannot be called with one."""
    required = [part for part in tool.parameters if part.default is None]
    if len(required) != 1:
        return ""
    return f"{'await ' if tool.is_async else ''}{tool.name}({required[0].name}=item)"


def _imports(packages: Sequence[str]) -> str:
    if not packages:
        return "the standard library"
    more = len(packages) - _MOST_PACKAGES
    names = [*packages[:_MOST_PACKAGES], *([f"{more:,} more"] if more > 0 else [])]
    return f"the standard library and {', '.join(names)}"


def _listed_imports(imports: Sequence[str]) -> str:
    return f"only {', '.join(imports)}" if imports else "no modules"


def _schema(schema: Mapping[str, Any]) -> str:
    return shorten(json.dumps(schema, ensure_ascii=False), _SCHEMA_CHARS)


def _instructions(instructions: str | None) -> list[str]:
    text = (instructions or "").strip()
    return [f"# Instructions\n\n{text}"] if text else []
