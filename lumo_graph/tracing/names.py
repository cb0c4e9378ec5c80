"""What spans, attributes and metrics are called.

The `gen_ai.*` names are OpenTelemetry's semantic conventions for generative AI. They stand here as text: the package
that holds them as constants marks them as moved with every release.
"""

SCOPE = "lumo_graph"
"""The instrumentation scope."""

# -- operations and span names
INVOKE_AGENT, CHAT, EXECUTE_TOOL = "invoke_agent", "chat", "execute_tool"
PYTHON_INTERPRETER = "python_interpreter"
CODE_STEP, CALL_STEP = "code_agent.step", "agent.step"

# -- of the conventions
AGENT_NAME = "gen_ai.agent.name"
CONVERSATION_ID = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"
INPUT_MESSAGES = "gen_ai.input.messages"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OPERATION = "gen_ai.operation.name"
OUTPUT_MESSAGES = "gen_ai.output.messages"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
PROVIDER = "gen_ai.provider.name"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
SESSION_ID = "session.id"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - input or output
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_NAME = "gen_ai.tool.name"
TOOL_RESULT = "gen_ai.tool.call.result"
TOOL_TYPE = "gen_ai.tool.type"

INFERENCE_DETAILS = "gen_ai.client.inference.operation.details"
"""The event that carries the content of a model call."""

# -- ours
AGENT_TYPE = "lumo_graph.agent_type"
CODE_ATTEMPT = "lumo_graph.code.attempt"
CODE_BYTES = "lumo_graph.code.bytes"
CODE_SHA256 = "lumo_graph.code.sha256"
EDITED = "lumo_graph.edited"
OUTCOME = "lumo_graph.outcome"
REPLAYED = "lumo_graph.replayed"
REPLAYED_CALLS = "lumo_graph.replayed_calls"
RESTORE = "lumo_graph.restore"
RETRY_ATTEMPT = "lumo_graph.retry.attempt"
ROLLED_BACK = "lumo_graph.rolled_back"
RUN_CHECKPOINT = "lumo_graph.run.checkpoint.id"
RUN_ID = "lumo_graph.run.id"
RUN_RESUMED = "lumo_graph.run.resumed"
SANDBOX_KIND = "lumo_graph.sandbox.kind"
SANDBOX_TIER = "lumo_graph.sandbox.tier"
SELF_DEBUG = "lumo_graph.self_debug"
SELF_DEBUG_ATTEMPTS = "lumo_graph.self_debug.attempts"
SNAPSHOT_BYTES = "lumo_graph.snapshot.bytes"
STEP_NUMBER = "lumo_graph.step.number"
STEPS = "lumo_graph.steps"

# -- of OpenInference, for the dashboards that read it
INPUT_VALUE, INPUT_MIME = "input.value", "input.mime_type"
OUTPUT_VALUE, OUTPUT_MIME = "output.value", "output.mime_type"
SPAN_KIND = "openinference.span.kind"

ABANDONED = "abandoned"
"""The outcome of a tool call that had not returned when its action ended: nobody waits for it any more."""

OTHER = "_OTHER"
"""The convention's word for a value that is not among those that may be told."""
