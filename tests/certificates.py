"""Certificates of own authorities, and mosquitto listeners that show and ask for them."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make_certificate(
    folder: Path, name: str, issuer: Issuer | None, *, days: int = 10, host: str = "127.0.0.1"
) -> Issuer:
    """A certificate for a host (an address or a name) and its key, also as files `name`.pem and `name`.key.

    Where nobody issues it, it is an authority's.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=20))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key


def tls_listener(port: int, folder: Path, certificate: str, *, client_certificates: bool) -> str:
    return f"""
listener {port} 127.0.0.1
cafile {folder / "ca.pem"}
certfile {folder / f"{certificate}.pem"}
keyfile {folder / f"{certificate}.key"}
require_certificate {str(client_certificates).lower()}
"""
