"""A verdict under the leaderboard's rules, with the reference's names of errors."""

from __future__ import annotations

from typing import Any, NamedTuple

from manyshot.oneline import show

#: The text could not be read as calls, so that there is nothing to check.
UNREADABLE = "ast_decoder:decoder_failed"
WRONG_FORM = "ast_decoder:decoder_wrong_output_format"
CALL_MADE = "irrelevance_error:decoder_success"
NO_CALL_MADE = "relevance_error:decoder_failed"
WRONG_COUNT_SIMPLE = "simple_function_checker:wrong_count"
WRONG_COUNT_MULTIPLE = "multiple_function_checker:wrong_count"
WRONG_COUNT_PARALLEL = "parallel_function_checker_no_order:wrong_count"
NO_MATCH = "parallel_function_checker_no_order:cannot_find_match"
WRONG_NAME = "simple_function_checker:wrong_func_name"
MISSING_REQUIRED = "simple_function_checker:missing_required"
MISSING_OPTIONAL = "simple_function_checker:missing_optional"
UNEXPECTED = "simple_function_checker:unexpected_param"
TYPE = "type_error:simple"
TYPE_NESTED = "type_error:nested"
TYPE_JAVA = "type_error:java"
TYPE_JAVASCRIPT = "type_error:js"
VALUE_TEXT = "value_error:string"
VALUE_LIST = "value_error:list/tuple"
VALUE_LIST_COUNT = "value_error:list_dict_count"
VALUE_KEY = "value_error:dict_key"
VALUE_IN_DICT = "value_error:dict_value"
VALUE_OTHER = "value_error:others"
UNCLEAR_DICT = "dict_checker:unclear"
UNCLEAR_LIST = "list_dict_checker:unclear"
#: Before the name of the exception with which the reference would stop.
CRASH = "EXCEPTION:"

#: Stages of one call, from the first to be failed to the last.
STAGES = ("decode", "count", "function", "required", "extra", "type", "value")
_STAGE_OF = {
    UNREADABLE: "decode",
    WRONG_FORM: "decode",
    NO_CALL_MADE: "decode",
    CALL_MADE: "count",
    WRONG_COUNT_SIMPLE: "count",
    WRONG_COUNT_MULTIPLE: "count",
    WRONG_COUNT_PARALLEL: "count",
    WRONG_NAME: "function",
    MISSING_REQUIRED: "required",
    MISSING_OPTIONAL: "required",
    UNEXPECTED: "extra",
    TYPE: "type",
    TYPE_NESTED: "type",
    TYPE_JAVA: "type",
    TYPE_JAVASCRIPT: "type",
    VALUE_TEXT: "value",
    VALUE_LIST: "value",
    VALUE_LIST_COUNT: "value",
    VALUE_KEY: "value",
    VALUE_IN_DICT: "value",
    VALUE_OTHER: "value",
    UNCLEAR_DICT: "value",
    UNCLEAR_LIST: "value",
}


class Verdict(NamedTuple):
    """Facts only; stage and message follow from them, so that a checker's speed does not pay for words."""

    #: None where the reference crashes.
    valid: bool | None
    #: The reference's name of the error, or "EXCEPTION:" and the name of an exception.
    error_type: str | None = None
    #: The parameter that failed, or the function.
    parameter: str = ""
    got: Any = None
    wanted: Any = None
    #: For parallel calls why each call that was left did not fit.
    causes: tuple[Verdict, ...] = ()

    @property
    def stage(self) -> str | None:
        """The stage that failed. Where no parallel call fits: that of the call that came closest."""
        if not self.causes:
            return _STAGE_OF.get(self.error_type or "")
        return max((cause.stage or STAGES[0] for cause in self.causes), key=STAGES.index)

    @property
    def message(self) -> str:
        """One line for people, "" when valid."""
        if self.valid:
            return ""
        if self.causes:
            closest = next(cause for cause in self.causes if cause.stage == self.stage)
            return f"no call left fits {show(self.wanted)}; the closest: {closest.message}"
        words = f"{self.parameter}: " if self.parameter else ""
        return f"{words}wanted {show(self.wanted)}, got {show(self.got)}"


VALID = Verdict(True)
