"""Lumo's HTTP API over the agents of this library. Needs the extra `server`; nothing else of the library does."""

from lumo_graph.server.app import create_app as create_app
from lumo_graph.server.settings import Settings as Settings
