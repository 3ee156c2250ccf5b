"""Whom connections trust, on every version of Python alike."""

import ssl
from pathlib import Path

import pytest

from certificates import make_certificate
from sens.runtime.tls import trusting


def test_authorities_of_one_s_own_need_no_key_identifiers(tmp_path: Path):
    make_certificate(tmp_path, "ca", None)
    context = trusting(tmp_path / "ca.pem")
    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_without_any_the_operating_system_s_are_trusted():
    assert trusting().get_ca_certs() == ssl.create_default_context().get_ca_certs()


def test_what_is_no_pem_is_said(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        trusting(tmp_path / "ca.pem")
    with pytest.raises(OSError, match="No such file"):
        trusting(tmp_path / "missing.pem")
