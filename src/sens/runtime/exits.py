"""How a process ends: the exit codes, and which error ends with which."""

import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import cast

from sens.domain.errors import Fatal, Retry, SensError
from sens.runtime.redaction import redact_text


class ExitCode(IntEnum):
    """Exit codes of every `sens` process. Scripts rely on them: never renumber."""

    text: str

    def __new__(cls, code: int, text: str) -> "ExitCode":
        member = int.__new__(cls, code)
        member._value_ = code
        member.text = text
        return member

    OK = 0, "Done, or drained after a signal."
    FAILURE = 1, "An unexpected error; the log has the traceback. Report it."
    USAGE = 2, "Wrong command-line arguments."
    CONFIGURATION = 3, "A setting, file, schema or permission is wrong; the message says what to change."
    UNAVAILABLE = 4, "A server could not be reached in time; trying again later may help."
    DRAIN_TIMEOUT = 5, "The drain took longer than SENS_DRAIN_TIMEOUT_S. What was unfinished is redelivered."
    INTERRUPTED = 130, "Ended by a signal without a drain, or by a second one. What was unfinished is redelivered."


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in an exception group, however deep; the error itself if it is no group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(inner)
    else:
        yield error


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code for an error that ended a process; of several, the gravest."""
    found = tuple(leaves(error))
    if not all(isinstance(each, Retry | Fatal | KeyboardInterrupt) for each in found):
        return ExitCode.FAILURE
    if any(isinstance(each, Fatal) for each in found):
        return ExitCode.CONFIGURATION
    if any(isinstance(each, Retry) for each in found):
        return ExitCode.UNAVAILABLE
    return ExitCode.INTERRUPTED


def message_of(error: BaseException) -> str:
    """What a person should read: the texts of all errors in it, without secrets."""
    return redact_text("; ".join(str(each) or type(each).__name__ for each in leaves(error)))


def guard(call: Callable[[], int]) -> int:
    """Run a command at the process's edge: an error raised on purpose becomes one line on stderr and
    its exit code; a bug goes through, so that Python prints its traceback (exit code 1)."""
    try:
        return call()
    except (SensError, KeyboardInterrupt) as error:
        print(f"sens: {message_of(error)}", file=sys.stderr)
        return exit_code_of(error)
