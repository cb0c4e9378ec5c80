"""The contract of executors: rules, each a function that takes an executor and raises if it breaks the rule."""

from collections.abc import Callable

from lumo_graph.testing.contract import again, code, endings, tools
from lumo_graph.types import Executor

RULES: tuple[Callable[[Executor], None], ...] = (
    code.the_isolation_report_names_a_tier,
    code.packages_are_importable,
    code.variables_persist_between_actions,
    code.variables_can_be_deleted,
    code.functions_see_later_globals,
    code.code_runs_as_a_program,
    code.only_a_last_expression_has_a_value,
    code.output_before_an_error_is_kept,
    code.errors_say_what_and_where,
    code.code_that_is_no_python_runs_nothing,
    code.output_is_streamed,
    tools.tools_get_and_give_real_objects,
    tools.tools_describe_themselves,
    tools.wrong_tool_calls_are_type_errors,
    tools.tool_errors_are_raised_in_the_code,
    tools.tool_errors_have_a_class_of_their_own,
    tools.await_works_at_the_top_level,
    tools.gathered_calls_run_concurrently,
    tools.tools_work_from_threads,
    tools.a_call_that_is_not_awaited_is_an_error,
    tools.tools_are_served_in_the_callers_context,
    tools.an_exception_of_serve_ends_the_action,
    endings.final_answer_ends_the_action,
    endings.leaving_does_not_end_the_session,
    endings.a_time_limit_ends_and_undoes_the_action,
    endings.a_tool_that_hangs_does_not_stop_the_clock,
    endings.interrupt_ends_a_running_action,
    endings.a_dying_interpreter_is_an_execution,
    endings.a_snapshot_restores_in_another_session,
    endings.classes_survive_a_restore,
    endings.what_cannot_be_saved_is_listed,
    endings.closing_twice_is_closing_once,
    endings.sessions_do_not_share_anything,
    again.an_action_that_runs_again_takes_the_same_path,
)
"""Every rule, the plainest first."""
