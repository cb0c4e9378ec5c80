import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.models.addressed import addressed_model
from lumo_graph.models.keys import origin_of, provider_keys
from lumo_graph.models.providers import parse_base_url

KEYS = {"https://api.openai.com": "sk-openai", "https://api.groq.com": "gsk-groq"}


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        ("https://api.openai.com/v1/chat/completions", "sk-openai"),
        ("https://API.OpenAI.com:443/v1", "sk-openai"),
        ("https://api.groq.com/openai/v1", "gsk-groq"),
        ("http://api.openai.com/v1", None),
        ("https://api.openai.com:8443/v1", None),
        ("https://api.openai.com./v1", None),
        ("https://api.openai.com.evil.example/v1", None),
        ("https://evil.example/api.openai.com/groq", None),
        ("https://xapi.openai.com/v1", None),
        ("https://api.openai.co\u217f/v1", None),
        ("https://evil.example:443/https://api.groq.com", None),
    ],
)
def test_a_key_goes_to_its_exact_origin_and_to_no_other(base_url, key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    try:
        model = addressed_model("m", base_url, keys=KEYS)
    except ConfigurationError:
        assert key is None
        return
    sent = model.openai_api_key.get_secret_value()
    assert sent == (key or "no-key")


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.openai.com@evil.example/v1", "https://x:y@api.openai.com/v1", "https://api.openai.com\\@evil/",
        "https://evil.example?https://api.openai.com", "https://evil.example#api.openai.com", "api.openai.com/v1", "",
        "https://evil.example/v1\r\nHost: api.openai.com",
    ],
)  # fmt: skip
def test_an_address_with_something_else_in_it_is_refused(base_url):
    with pytest.raises(ConfigurationError):
        addressed_model("m", base_url, keys=KEYS)


def test_a_provider_without_its_key_is_told_which_variable_is_missing():
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY is not set"):
        addressed_model("m", "https://api.anthropic.com/v1", keys=KEYS)


def test_names_of_local_models_may_have_colons():
    assert addressed_model("qwen2.5:7b", "http://127.0.0.1:1/v1", keys={}).model_name == "qwen2.5:7b"
    assert addressed_model("openai:gpt-4.1-nano", "http://127.0.0.1:1/v1", keys={}).model_name == "gpt-4.1-nano"
    for name in ("", " ", "openai:", "a\nb"):
        with pytest.raises(ConfigurationError, match="name of a model"):
            addressed_model(name, "http://127.0.0.1:1/v1", keys={})


def test_origins_have_one_spelling_and_keys_are_read_where_they_are_set():
    for text in ("https://API.x.com", "https://api.x.com:443/v1", "https://api.x.com/"):
        assert origin_of(parse_base_url(text)) == "https://api.x.com"
    assert origin_of(parse_base_url("http://[::1]:8000/v1")) == "http://[::1]:8000"
    assert provider_keys({"GROQ_API_KEY": " k ", "OPENAI_API_KEY": ""}) == {"https://api.groq.com": "k"}
