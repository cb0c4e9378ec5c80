import pytest

from lumo_graph.cli import main
from lumo_graph.cli.given import Given
from lumo_graph.errors import ConfigurationError

NOTHING = dict.fromkeys(
    ("model", "model_id", "base_url", "api_key", "tools", "mcp", "file", "system_prompt", "planning_interval",
     "interrupt_on")
)  # fmt: skip


def given(**named):
    return Given(**{**NOTHING, **named})


@pytest.mark.parametrize(
    ("model", "model_id", "name", "url"),
    [
        pytest.param("openai:gpt-4.1-nano", None, "openai:gpt-4.1-nano", None, id="a name"),
        pytest.param("models.py:mine", None, "models.py:mine", None, id="a file"),
        pytest.param("openai", "gpt-4.1", "openai:gpt-4.1", None, id="openai"),
        pytest.param("ollama", "qwen3", "openai:qwen3", "http://localhost:11434/v1", id="ollama"),
        pytest.param(
            "gemini", "gemini-2.0-flash", "openai:gemini-2.0-flash",
            "https://generativelanguage.googleapis.com/v1beta/openai", id="gemini",
        ),
        pytest.param("anthropic", "claude", "anthropic:claude", None, id="another provider"),
    ],
)  # fmt: skip
def test_a_model_is_named_in_one_or_by_its_type_and_id(model, model_id, name, url):
    made = given(model=model, model_id=model_id)
    assert (made.model_name, made.options()["base_url"]) == (name, url)


@pytest.mark.parametrize(
    ("model", "model_id", "message"),
    [
        pytest.param("openai", None, "Name the model too: --model-id", id="only a type"),
        pytest.param(None, "gpt", "needs the type of the model", id="only an id"),
        pytest.param("openai:gpt", "gpt", "names a model already", id="two models"),
    ],
)
def test_a_model_that_cannot_be_meant_is_said(model, model_id, message, capsys):
    with pytest.raises(ConfigurationError, match=message):
        _ = given(model=model, model_id=model_id).model_name
    arguments = [*(["-m", model] if model else []), *(["--model-id", model_id] if model_id else [])]
    assert main(["run", "x", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_key_of_the_environment_reaches_the_host_it_belongs_to_only(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "g-key")
    gemini = {"model": "gemini", "model_id": "flash"}
    assert given(**gemini).options()["api_key"] == "g-key"
    assert given(**gemini, api_key="own").options()["api_key"] == "own"
    assert given(**gemini, base_url="http://elsewhere/v1").options()["api_key"] is None
    assert given(model="ollama", model_id="x").options()["api_key"] is None


def test_the_next_command_has_the_same_options_and_no_key():
    made = given(model="ollama", model_id="q", api_key="secret", mcp=["uvx x"], planning_interval=2, tools=["a", "b"])
    again = {name: value for name, value in made.again().items() if value is not None}
    assert again == {
        "--model": "ollama", "--model-id": "q", "--api-key": "...", "--mcp": ["uvx x"], "--planning-interval": "2",
        "--tools": ["a", "b"],
    }  # fmt: skip
    assert "secret" not in repr(made)


def test_the_short_flags_of_lumo_are_understood(folder, capsys):
    arguments = ["-a", "code", "-l", "mytools.py", "-m", "models.py:code", "--max-steps", "3"]
    assert main(["run", "x", *arguments]) == 0
    assert "--agent-type code" in capsys.readouterr().out
    assert main(["run", "x", *arguments, "-p", "0"]) == 2
    assert "planning_interval" in capsys.readouterr().err
    assert main(["run", "x", "-b", "http://127.0.0.1:1/v1", "-k", "key", "-m", "models.py:words"]) == 2
    assert "base_url and api_key are for a model given by name" in capsys.readouterr().err
