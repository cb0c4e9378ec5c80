"""What goes over the wire: the shapes of Lumo's HTTP API, and how runs become them. Needs no web server."""

from lumo_graph.wire.failures import Failed as Failed
from lumo_graph.wire.failures import failed as failed
from lumo_graph.wire.frames import frame_of as frame_of
from lumo_graph.wire.requests import ForkRequest as ForkRequest
from lumo_graph.wire.requests import ResumeRequest as ResumeRequest
from lumo_graph.wire.requests import RunRequest as RunRequest
from lumo_graph.wire.responses import RunResponse as RunResponse
from lumo_graph.wire.responses import response_of as response_of
from lumo_graph.wire.texts import json_text as json_text
