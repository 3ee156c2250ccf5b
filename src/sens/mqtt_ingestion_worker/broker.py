"""How a declared source is connected to: its session, credentials and TLS."""

import ssl

from sens.domain.errors import Fatal
from sens.mqtt.options import ConnectOptions
from sens.mqtt_ingestion_worker.sizes import Sizes
from sens.runtime.tls import trusting
from sens.sources.models import Source
from sens.sources.secrets import resolve_secrets


def connect_options(source: Source, ordinal: int, sizes: Sizes) -> ConnectOptions:
    """The options of a replica's connection. Secrets are read anew each time, so a renewed one is taken.

    Raises:
        Fatal: a secret or certificate is missing or unreadable.
    """
    credentials = resolve_secrets(source)
    return ConnectOptions(
        client_id=source.session_client_id(ordinal),
        username=credentials.username,
        password=credentials.password,
        version=source.mqtt_version,
        keep_alive_s=source.keep_alive_s,
        session_expiry_s=source.session_expiry_s,
        tls=tls_context(source),
        server_name=source.tls.server_name if source.tls else None,
        max_packet_bytes=sizes.max_packet_bytes,
        keep_bytes=sizes.keep_bytes,
        max_piece_bytes=sizes.max_envelope_bytes,
    )


def tls_context(source: Source) -> ssl.SSLContext | None:
    """The TLS context of a mqtts:// source; None without TLS.

    Raises:
        Fatal: a file is missing, unreadable or no PEM.
    """
    if not source.tls_enabled:
        return None
    tls = source.tls
    try:
        context = trusting(tls.ca if tls else None)
        if tls and tls.certificate:
            context.load_cert_chain(str(tls.certificate), str(tls.key) if tls.key else None)
    except (OSError, ssl.SSLError) as error:
        raise Fatal(
            f"source {source.name}: its TLS files cannot be used: {error}; check ca, certificate and key"
        ) from error
    if tls and not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
