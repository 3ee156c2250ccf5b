"""Whom this side of a TLS connection trusts."""

import ssl
from pathlib import Path


def trusting(authorities: Path | None = None) -> ssl.SSLContext:
    """A context that trusts the authorities in a PEM file, else the operating system's.

    Python 3.13 began to refuse certificates without the key identifiers of RFC 5280 (`VERIFY_X509_STRICT`). Many that
    people made for their own plant have none, and all other clients take them, so that is not asked for.

    Raises:
        OSError, ssl.SSLError: no such file, or no PEM.
    """
    context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
