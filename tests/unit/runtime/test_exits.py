import pytest

from sens.domain.errors import Fatal, Retry
from sens.runtime.exits import ExitCode, exit_code_of, guard, message_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Fatal("x"), ExitCode.CONFIGURATION),
        (Retry("x"), ExitCode.UNAVAILABLE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ValueError("x"), ExitCode.FAILURE),
        (ExceptionGroup("g", [Retry("x"), ExceptionGroup("h", [Fatal("y")])]), ExitCode.CONFIGURATION),
        (ExceptionGroup("g", [Retry("x"), ValueError("y")]), ExitCode.FAILURE),
    ],
)
def test_the_gravest_error_decides_the_exit_code(error: BaseException, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_exit_codes_are_never_renumbered() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0, "FAILURE": 1, "USAGE": 2, "CONFIGURATION": 3, "UNAVAILABLE": 4, "DRAIN_TIMEOUT": 5, "INTERRUPTED": 130,
    }  # fmt: skip


def test_guard_prints_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    def call() -> int:
        raise Retry("cannot reach nats://u:hunter2@h")

    assert guard(call) == ExitCode.UNAVAILABLE
    assert capsys.readouterr().err == "sens: cannot reach nats://u:***@h\n"


def test_guard_lets_a_bug_through_with_its_traceback() -> None:
    def call() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guard(call)
    assert guard(lambda: 7) == 7


def test_an_error_without_a_text_is_told_by_its_type() -> None:
    assert message_of(ExceptionGroup("g", [TimeoutError(), Retry("away")])) == "TimeoutError; away"
