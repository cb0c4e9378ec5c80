import pytest

from lumo_graph.checkpoints.urls import PostgresStore, SqliteStore, parse_url, shown_url
from lumo_graph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgres://me:secret@host/db?sslmode=require", "postgres://me:***@host/db?sslmode=require"),
        ("postgresql://me:sec%40ret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:s@c/r?e#t@host/db", "postgresql://me:***@host/db"),
        ("postgresql://:secret@host/db", "postgresql://:***@host/db"),
        ("postgresql://me@host/db?password=secret&x=1", "postgresql://me@host/db?password=***&x=1"),
        ("postgresql://host:5432/db?sslpassword=secret", "postgresql://host:5432/db?sslpassword=***"),
        ("mysql://me:secret@host/db", "mysql://me:***@host/db"),
        ("postgresql+psycopg://me:secret@host/db", "postgresql+psycopg://me:***@host/db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert shown_url(url) == shown
    assert shown_url(shown) == shown


def test_a_store_does_not_show_its_password_either():
    assert "secret" not in repr(parse_url("postgresql://me:secret@host/db"))


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "postgresql+psycopg://me:secret@host/db"])
def test_a_url_of_another_kind_is_refused_without_its_password(url):
    with pytest.raises(ConfigurationError, match="postgresql://user:password@") as refused:
        parse_url(url)
    assert "secret" not in str(refused.value)


def test_a_url_that_was_copied_from_what_is_shown_says_what_is_missing():
    with pytest.raises(ConfigurationError, match="LUMO_CHECKPOINTER"):
        parse_url("postgresql://me:***@host/db")


def test_both_names_of_postgresql_are_known():
    assert isinstance(parse_url("postgres://host/db"), PostgresStore)
    assert isinstance(parse_url("postgresql:///db"), PostgresStore)
    assert isinstance(parse_url("sqlite:///db"), SqliteStore)
