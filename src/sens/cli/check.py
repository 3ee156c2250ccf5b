"""`sens check`."""

import sys
from pathlib import Path

from sens.cli.output import note, print_json, print_line, printable
from sens.decoders.registry import DECODERS
from sens.runtime.exits import ExitCode
from sens.sources import Examination, examine_file


def run(file: Path, *, as_json: bool) -> int:
    """Print all problems and warnings of a configuration. Returns CONFIGURATION if there is a problem."""
    found = examine_file(file, DECODERS)
    if as_json:
        print_json(
            {
                "valid": not found.problems,
                "problems": [problem._asdict() for problem in found.problems],
                "warnings": [warning._asdict() for warning in found.warnings],
            }
        )
    else:
        _print(file, found)
    return ExitCode.CONFIGURATION if found.problems else ExitCode.OK


def usable(file: Path) -> bool:
    """Whether a command can start with this configuration; what is wrong with it goes to standard error."""
    found = examine_file(file, DECODERS)
    for line in _lines(found):
        print(printable(line), file=sys.stderr)
    if found.problems:
        note(f"nothing was started: {file} has {_summary(found)}; mend it, or give another with --config")
    return not found.problems


def _print(file: Path, found: Examination) -> None:
    for line in _lines(found):
        print_line(line)
    sys.stdout.flush()
    print(f"{file}: {_summary(found)}", file=sys.stderr)


def _lines(found: Examination) -> list[str]:
    warnings = [warning._replace(message=f"warning: {warning.message}") for warning in found.warnings]
    return [str(problem) for problem in (*found.problems, *warnings)]


def _summary(found: Examination) -> str:
    if found.configuration is None:
        return _counted(len(found.problems), "problem")
    topics = sum(len(source.topics) for source in found.configuration.sources)
    sources = _counted(len(found.configuration.sources), "source")
    warnings = f", {_counted(len(found.warnings), 'warning')}" if found.warnings else ""
    return f"valid: {sources}, {_counted(topics, 'topic')}{warnings}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
