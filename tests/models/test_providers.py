import sys

import pytest
from langchain_core.messages import HumanMessage

from lumo_graph.errors import ConfigurationError
from lumo_graph.models import call_model, model_name, resolve_model
from lumo_graph.testing import ScriptedModel, ScriptedOpenAI

SECRETS = {
    "OPENAI_API_KEY": "sk-real-key-1",
    "OPENAI_ADMIN_KEY": "sk-real-admin-2",
    "OPENAI_ORG_ID": "org-real-3",
    "OPENAI_ORGANIZATION": "org-real-4",
    "OPENAI_PROJECT_ID": "proj-real-5",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer sk-real-6\nX-Account: real-7",
    "LANGSMITH_API_KEY": "lsv2_real_8",
}


@pytest.fixture
def bare_environment(monkeypatch):
    for name in (*SECRETS, "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def account(bare_environment):
    for name, value in SECRETS.items():
        bare_environment.setenv(name, value)
    return bare_environment


def test_a_model_object_is_returned_as_it_is():
    model = ScriptedModel(replies=[])
    assert resolve_model(model) is model


@pytest.mark.parametrize("option", ["base_url", "api_key"])
def test_a_model_object_takes_no_address_and_no_key(option):
    with pytest.raises(ConfigurationError, match="Set them on the model object"):
        resolve_model(ScriptedModel(replies=[]), **{option: "http://127.0.0.1"})


@pytest.mark.parametrize("name", ["gpt-4.1-nano", "", ":", "openai:", ":x", "  "])
def test_a_name_without_a_provider_is_refused_with_an_example(name):
    with pytest.raises(ConfigurationError, match=r"openai:gpt-4\.1-nano"):
        resolve_model(name)


def test_something_that_is_no_model_is_refused():
    with pytest.raises(ConfigurationError, match="not 42"):
        resolve_model(42)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/chat/completions//", "http://127.0.0.1:8080/v1"),
        (" HTTP://LocalHost/api/v1 ", "http://localhost/api/v1"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1"),
        ("https://host", "https://host"),
    ],
)
def test_a_base_url_may_end_in_the_endpoint(bare_environment, given, used):
    assert resolve_model("openai:tiny", base_url=given).openai_api_base == used


@pytest.mark.parametrize(
    "base_url",
    [
        "", "host/v1", "ftp://host/v1", "file:///etc/passwd", "http://", "http:///v1", "http://host:99999/v1",
        "http://host/v1?key=hunter2", "http://host/v1#hunter2", "http://user:hunter2@host/v1", "http://[::1/v1",
        "https://api.openai.com\\@evil.example/v1", "https://api.openai.com\\.evil.example", "http://ho st/v1",
        "http://host/\x00",
    ],
    ids=repr,
)  # fmt: skip
def test_a_base_url_that_is_no_plain_address_is_refused_without_repeating_secrets(base_url):
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        resolve_model("openai:tiny", base_url=base_url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "  ", "two words", "schlüssel", "line\nbreak"], ids=repr)
def test_a_key_that_cannot_be_one_is_refused_without_repeating_it(key):
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        resolve_model("openai:tiny", api_key=key)
    assert not key.strip() or key not in str(caught.value)


def test_a_missing_key_for_openai_is_refused_before_any_work(bare_environment):
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        resolve_model("openai:gpt-4.1-nano")


def test_an_admin_key_is_not_a_key_for_models(bare_environment):
    bare_environment.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        resolve_model("openai:gpt-4.1-nano")


@pytest.mark.parametrize("base_url", [None, "https://api.openai.com/v1/", "https://API.openai.com:443/v1"])
def test_openai_itself_gets_the_key_of_the_environment(account, base_url):
    model = resolve_model("openai:tiny", base_url=base_url)
    assert model.openai_api_key.get_secret_value() == "sk-real-key-1"
    assert model.root_client.organization == "org-real-3"


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_the_environment_cannot_send_the_key_elsewhere(account, variable):
    account.setenv(variable, "https://evil.example/v1")
    model = resolve_model("openai:tiny")
    for client in (model.root_client, model.root_async_client):
        assert client.base_url.host == "api.openai.com"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://evil.example/api.openai.com/v1",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com./v1",
        "http://api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "https://xapi.openai.com/v1",
    ],
)
def test_other_hosts_get_a_placeholder(account, base_url):
    model = resolve_model("openai:tiny", base_url=base_url)
    assert model.openai_api_key.get_secret_value() == "no-key"
    assert not any("real" in str(value) for value in model.root_client.default_headers.values())


@pytest.mark.parametrize("api_key", [None, "mine"])
def test_nothing_of_the_openai_account_reaches_another_host(account, api_key):
    with ScriptedOpenAI(["Seven."]) as server:
        call_model(resolve_model("openai:tiny", base_url=server.base_url, api_key=api_key), [HumanMessage("hi")])
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {api_key or 'no-key'}"
    assert not [name for name, value in headers.items() if "real" in value]


def test_a_model_never_shows_its_key(bare_environment):
    model = resolve_model("openai:tiny", api_key=" hunter2hunter2\n")
    assert model.openai_api_key.get_secret_value() == "hunter2hunter2"
    assert "hunter2" not in f"{model!r} {model}"


def test_retries_are_ours_and_usage_is_streamed(bare_environment):
    model = resolve_model("openai:tiny", api_key="k")
    assert (model.max_retries, model.root_client.max_retries, model.stream_usage) == (0, 0, True)


def test_other_providers_name_what_to_install(monkeypatch):
    monkeypatch.setattr("lumo_graph.models.providers.find_spec", {}.get)  # as where langchain is not installed
    with pytest.raises(ConfigurationError, match=r"pip install langchain langchain-google-genai.*openai:gemini"):
        resolve_model("google_genai:gemini")


def test_a_missing_openai_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'lumo-graph\[openai\]'"):
        resolve_model("openai:tiny", api_key="k")


def test_a_model_has_the_name_its_provider_knows(bare_environment):
    assert model_name(resolve_model("openai:tiny", api_key="k")) == "tiny"
    assert model_name(ScriptedModel(replies=[])) == "scripted"
