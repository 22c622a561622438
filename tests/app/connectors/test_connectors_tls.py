"""MQTT over TLS with a real Mosquitto and certificates made here, and with a password: what holds, and what is said."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.adapters.mqtt.mosquitto import Broker, Publisher, free_port, mosquitto
from tests.app.connectors.live_feeds import T0_MS, eventually, gauge_feed, live_feeds


@dataclass(frozen=True)
class Authority:
    """Who signs certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _certificate(name, key.public_key(), name, key, None))

    def pem(self, path: Path) -> Path:
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def sign(self, folder: Path, name: str, host: x509.GeneralName) -> tuple[Path, Path]:
        """A server's certificate and key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.rfc4514_string().removeprefix("CN=")
        certificate = _certificate(name, key.public_key(), issuer, self.key, host)
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return paths


def _certificate(
    name: str,
    key: ec.EllipticCurvePublicKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    host: x509.GeneralName | None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        built = built.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return built.sign(by, hashes.SHA256())


@dataclass(frozen=True)
class Secured:
    """A broker with doors: plain, encrypted, and encrypted under another name."""

    broker: Broker
    port: int
    foreign_port: int
    ca_file: str
    other_ca_file: str


def _hashed(password: str) -> str:
    """A line of Mosquitto's file of passwords: PBKDF2 with SHA-512."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101, 64)
    return f"gauge:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    ours, other = Authority.make("ours"), Authority.make("other")
    here = ours.sign(folder, "here", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    elsewhere = ours.sign(folder, "elsewhere", x509.DNSName("broker.example"))
    ports = free_port(), free_port()
    (folder / "passwords").write_text(_hashed("secret"), encoding="utf-8")
    extra = [f"password_file {folder}/passwords"]
    for port, (certificate, key) in zip(ports, (here, elsewhere), strict=True):
        extra += [f"listener {port} 127.0.0.1", f"certfile {certificate}", f"keyfile {key}"]
    with mosquitto(folder / "broker", extra) as broker:
        ca_file, other_ca_file = (str(one.pem(folder / f"{name}.pem")) for name, one in (("a", ours), ("b", other)))
        yield Secured(broker, *ports, ca_file, other_ca_file)


def _source(secured: Secured, **keys: Any) -> dict[str, Any]:
    source = {"kind": "mqtt", "host": "127.0.0.1", "port": secured.port, "topics": ["tls/+/stage"]}
    return source | {"tls": True, "ca_file": secured.ca_file, "username": "gauge", "password_env": "GAUGES"} | keys


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_readings_come_over_an_encrypted_line_with_a_password(
    secured: Secured, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUGES", "secret")
    source = _source(secured, version=version, client_id=f"tls{version[0]}")
    with live_feeds(":memory:", gauge_feed(source)) as feeds:
        publisher = Publisher(secured.broker.port, "publisher", username="gauge", password="secret")
        publisher.publish([(f"tls/g{k % 9}/stage", b'{"t": %d, "v": 1.5}' % (T0_MS + k)) for k in range(3000)])
        feeds.count(3000)
        assert feeds.condition.error == ""
        publisher.close()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"ca_file": "other"}, "certificate is not trusted"),
        ({"ca_file": ""}, "certificate is not trusted"),
        ({"port": "foreign"}, "certificate is not trusted: IP address mismatch"),
        ({"ca_file": "/nowhere/ca.pem"}, "cannot be read"),
        ({"port": "plain"}, "TLS"),
        ({"username": "nobody"}, "not authorised"),
    ],
)
def test_a_broker_that_is_not_who_it_should_be_is_a_feed_that_says_why(
    secured: Secured, keys: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUGES", "secret")
    words = {"other": secured.other_ca_file, "foreign": secured.foreign_port, "plain": secured.broker.port}
    source = _source(secured, **{key: words.get(value, value) for key, value in keys.items()})
    with live_feeds(":memory:", gauge_feed(source), connected=False) as feeds:
        eventually(lambda: feeds.condition.state == "failed", "failed")
        assert said in feeds.condition.error
        assert f":{source['port']}" in feeds.condition.error
        assert feeds.store.count() == 0
