"""Lumo's client without a server: the same methods, the same results, in this process.

`from lumo_graph.client import ...` has every name that `from lumo_sdk import ...` has. A program that was written for
Lumo's SDK changes that one line.
"""

import os
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel

from lumo_graph.checkpoints import Checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import Answered, Event
from lumo_graph.limits import Limits
from lumo_graph.models.addressed import addressed_model
from lumo_graph.models.keys import provider_keys
from lumo_graph.options import AgentOptions, RunOptions
from lumo_graph.runs import aresume, arun, astream, resume, run, stream
from lumo_graph.wire.conversation import MCPServer as MCPServer
from lumo_graph.wire.conversation import Message as Message
from lumo_graph.wire.conversation import MessageRole as MessageRole
from lumo_graph.wire.conversation import ToolCall as ToolCall
from lumo_graph.wire.exceptions import LumoAPIError as LumoAPIError
from lumo_graph.wire.exceptions import LumoAuthenticationError as LumoAuthenticationError
from lumo_graph.wire.exceptions import LumoError as LumoError
from lumo_graph.wire.exceptions import LumoRateLimitError as LumoRateLimitError
from lumo_graph.wire.exceptions import LumoServerError as LumoServerError
from lumo_graph.wire.exceptions import raised_as_lumo, raising_as_lumo
