"""What an environment answers to whoever asks."""

from sens.cli.smoke import ask

from .record import Smoke


def smoke(api: str, docs: str) -> Smoke:
    """Look whether an environment works.

    Args:
        api: URL of its API.
        docs: URL of its docs.
    """
    return Smoke(*ask(api, docs))
