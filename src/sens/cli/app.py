"""The command line, put together. Each sub-command imports what it needs when it runs: `sens --help` is quick."""

import sys

import typer

from sens.cli.commands import api_keys, data, files, imports, processes, quarantine, sources, users
from sens.cli.errors import WrongArgument
from sens.runtime.exits import ExitCode, message_of

app = typer.Typer(
    name="sens",
    help="Self-hosted IoT telemetry: MQTT in, every acknowledged reading kept exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help in Rich takes five times as long to come
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(processes.app)
app.add_typer(files.app)
app.add_typer(data.app)
app.add_typer(imports.app)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(sources.app, name="source")
app.add_typer(users.app, name="user")
app.add_typer(api_keys.app, name="api-key")


def run() -> int:
    """Run the command that the arguments name. Returns its exit code."""
    try:
        result = app(prog_name="sens", standalone_mode=False)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except (typer.TyperException, WrongArgument) as error:
        print(_explained(error), file=sys.stderr)
        return ExitCode.USAGE
    return result if isinstance(result, int) else ExitCode.OK


def _explained(error: typer.TyperException | WrongArgument) -> str:
    """One line that says what is wrong with the arguments; the help where none were given."""
    if isinstance(error, WrongArgument):
        return f"sens: {message_of(error)}"
    text = error.format_message().replace("Value error, ", "")
    if text.startswith("Usage:"):
        return text
    command = getattr(getattr(error, "ctx", None), "command_path", "sens")
    return f"sens: {text[:1].lower()}{text[1:].rstrip('.')}; see {command} --help"
