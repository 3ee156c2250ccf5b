"""What only the command line can meet."""

from sens.domain.errors import SensError


class WrongArgument(SensError):
    """An argument cannot be used; the text says what to write instead. Ends with `ExitCode.USAGE`."""
