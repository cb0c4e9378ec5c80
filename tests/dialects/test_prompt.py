# ruff: noqa: E501 - the snapshots are as wide as what the model reads

from inline_snapshot import snapshot

from lumo_graph.dialects import Interpreter, code_prompt, tool_prompt, variables_note
from lumo_graph.types import Limits, Parameter, ToolSpec

QUERY = (Parameter(name="query", annotation="str", description="What to look for."),)
SEARCH = ToolSpec(name="search", doc="Search the web.", parameters=QUERY, returns="list[str]")
FETCH = ToolSpec(name="fetch", doc="Read a page.", parameters=(Parameter(name="url", annotation="str"),), is_async=True)


def test_the_system_message_of_the_code_action_branch() -> None:
    prompt = code_prompt(
        [SEARCH, FETCH],
        Interpreter(packages=["numpy", "pandas"], limits=Limits(action_seconds=2.5, max_observation_chars=20_000)),
        instructions="Answer in French. Use {braces} as they are.",
        response_schema={"type": "object", "properties": {"é": {"type": "integer"}}},
    )
    assert prompt == snapshot('''\
You solve tasks by writing Python. The code runs in an interpreter that keeps its variables, and you see what each piece of code did before you write the next one.

# How to reply

Write one or two sentences of thought, then one code block, then stop:

```python
squares = [n * n for n in range(1, 1001)]
print(len(squares))
squares[-3:]
```

The next message is the observation: what the code printed, the value of its last expression, and the error if there was one. Read it before you go on.

- Variables, functions and imports stay. Use them in later blocks instead of computing them again.
- You see only what is printed and the last expression, up to 20,000 characters. Show small parts of large values.
- One block may run for 2.5 seconds, the tools it calls included.
- `await` works at the top level. `input()` does not: nobody is there to answer.
- A reply without a code block ends the task, with its text as the answer.

# Tools

These functions exist already. Call them by name; do not import or define them. They take and return real Python objects, and raise an exception if they fail.

```python
def search(query: str) -> list[str]:
    """Search the web.

    Args:
        query: What to look for.
    """
    ...

async def fetch(url: str) -> Any:
    """Read a page."""
    ...
```

Call the `async def` ones with `await`.

# Good practice

Look at data before you transform it:

```python
print(type(data), len(data))
data[:2]
```

Do many calls in one block, and keep what worked when one of them fails:

```python
results, failed = {}, {}
for item in items:
    try:
        results[item] = search(query=item)
    except Exception as error:
        failed[item] = str(error)
print(len(results), "done;", failed)
```

Make independent calls of an async tool together:

```python
import asyncio
results = await asyncio.gather(*(fetch(url=item) for item in items))
```

# Rules

- Answer only from results that you have seen. Never invent what a tool returns, and never write an observation yourself.
- Do not call a tool again for a result that is already in a variable.
- After an error, find its cause and change the code. Do not send the same block again.
- You can import the standard library and numpy, pandas. Nothing else can be installed.
- The code has no network and no access to files outside its own working directory; the tools are the only way out.

# Finish

When the task is solved, pass the result to `final_answer`:

```python
final_answer(result)
```

`result` may be any value: text, a number, a list, a dict. Pass the variable that holds it instead of copying it by hand. Look at the result in an observation first: `final_answer` ends the task.

`result` must match this JSON Schema:

```json
{"type": "object", "properties": {"é": {"type": "integer"}}}
```

# Instructions

Answer in French. Use {braces} as they are.\
''')


def test_without_tools_the_model_is_not_told_of_any() -> None:
    prompt = code_prompt([], Interpreter(packages=[], limits=Limits()), instructions=None, response_schema=None)
    assert prompt == snapshot("""\
You solve tasks by writing Python. The code runs in an interpreter that keeps its variables, and you see what each piece of code did before you write the next one.

# How to reply

Write one or two sentences of thought, then one code block, then stop:

```python
squares = [n * n for n in range(1, 1001)]
print(len(squares))
squares[-3:]
```

The next message is the observation: what the code printed, the value of its last expression, and the error if there was one. Read it before you go on.

- Variables, functions and imports stay. Use them in later blocks instead of computing them again.
- You see only what is printed and the last expression, up to 30,000 characters. Show small parts of large values.
- One block may run for 30 seconds, the tools it calls included.
- `await` works at the top level. `input()` does not: nobody is there to answer.
- A reply without a code block ends the task, with its text as the answer.

# Tools

There are none: solve the task with Python alone.

# Good practice

Look at data before you transform it:

```python
print(type(data), len(data))
data[:2]
```

# Rules

- Answer only from results that you have seen. Never invent what a tool returns, and never write an observation yourself.
- Do not call a tool again for a result that is already in a variable.
- After an error, find its cause and change the code. Do not send the same block again.
- You can import the standard library. Nothing else can be installed.
- The code has no network and no access to files outside its own working directory.

# Finish

When the task is solved, pass the result to `final_answer`:

```python
final_answer(result)
```

`result` may be any value: text, a number, a list, a dict. Pass the variable that holds it instead of copying it by hand. Look at the result in an observation first: `final_answer` ends the task.\
""")


def test_the_example_loop_uses_a_tool_that_takes_one_argument() -> None:
    move = ToolSpec(name="move", parameters=(Parameter(name="source"), Parameter(name="target")))
    prompt = code_prompt([move], Interpreter(packages=[], limits=Limits()), instructions=None, response_schema=None)
    assert "for item in items" not in prompt


def test_an_async_tool_is_awaited_in_the_example_loop() -> None:
    prompt = code_prompt([FETCH], Interpreter(packages=[], limits=Limits()), instructions=None, response_schema=None)
    assert "results[item] = await fetch(url=item)" in prompt


def test_a_limit_of_processor_time_is_told_where_there_is_one() -> None:
    limits = Limits(action_cpu_seconds=1.5)
    prompt = code_prompt([], Interpreter(packages=[], limits=limits), instructions=None, response_schema=None)
    assert next(line for line in prompt.splitlines() if "may run for" in line) == snapshot(
        "- One block may run for 30 seconds, the tools it calls included, and use 1.5 seconds of processor time, all threads together."
    )


def test_the_system_message_is_the_same_every_time() -> None:
    def prompt() -> str:
        return code_prompt(
            [SEARCH], Interpreter(packages=["numpy"], limits=Limits()), instructions="Be brief.", response_schema=None
        )

    assert prompt() == prompt()


def test_hundreds_of_tools_and_packages_stay_within_bounds() -> None:
    tools = [ToolSpec(name=f"tool_{number}", doc="Words. " * 1000, parameters=QUERY) for number in range(300)]
    packages = [f"package_{number}" for number in range(1000)]
    schema = {"description": "x" * 1_000_000}
    prompt = code_prompt(
        tools, Interpreter(packages=packages, limits=Limits()), instructions=None, response_schema=schema
    )
    assert len(prompt) < 90_000
    assert all(f"def tool_{number}(" in prompt for number in range(300))
    assert "package_99, 900 more" in prompt


def test_the_system_message_of_the_function_call_branch() -> None:
    assert tool_prompt(instructions=" Be brief.\n", response_schema={"type": "integer"}) == snapshot("""\
You solve tasks by calling tools.

- Make calls that do not depend on each other in one reply.
- Answer only from results that you have seen. Never invent what a tool returns.
- Do not repeat a call whose result you have.
- If a call fails, read its error and change the arguments or the approach.
- When the task is solved, reply with the answer and call no other tool.

The answer must match this JSON Schema. Pass it to `final_answer`, or write it as JSON with nothing around it:

```json
{"type": "integer"}
```

# Instructions

Be brief.\
""")
    assert "JSON" not in tool_prompt(instructions=None, response_schema=None)


def test_the_note_lists_the_variables() -> None:
    assert variables_note({"rows": "list (150)", "total": "7.5", "text": "'two\nlines'"}) == snapshot("""\
Variables that exist now:
- `rows`: list (150)
- `total`: 7.5
- `text`: 'two lines'\
""")


def test_there_is_no_note_without_variables() -> None:
    assert variables_note({}) == ""


def test_of_many_variables_the_newest_are_listed() -> None:
    note = variables_note({f"name_{number}": "x" * 10_000 for number in range(500)})
    assert note.startswith("Variables that exist now:\n- `name_420`: xxx")
    assert "`name_499`" in note
    assert note.endswith("\n- and 420 older ones")
    assert len(note) < 20_000


def test_a_function_calling_model_that_can_run_code_is_told_of_the_interpreter_and_its_functions() -> None:
    interpreter = Interpreter(packages=["numpy"], limits=Limits(), notes=["`sales.csv` is there."])
    prompt = tool_prompt([SEARCH], interpreter, instructions=None, response_schema=None)
    assert "`python_interpreter` runs code" in prompt
    assert "the standard library and numpy" in prompt
    assert "`sales.csv` is there." in prompt
    assert "def search(query: str) -> list[str]:" in prompt
    assert "the only way out" in prompt
    assert "the only way out" not in tool_prompt([], interpreter, instructions=None, response_schema=None)


def test_braces_in_what_is_told_of_the_interpreter_stay_as_they_are() -> None:
    interpreter = Interpreter(packages=["{x}"], limits=Limits(), notes=["`{y}` is there."])
    assert "{x}" in (prompt := code_prompt([], interpreter, instructions=None, response_schema=None))
    assert "`{y}` is there." in prompt
