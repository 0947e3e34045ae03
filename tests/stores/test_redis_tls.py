"""The store in a Redis that speaks TLS, as managed ones do: `rediss://`, with a certificate of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nicegui_stash.errors import Refused
from nicegui_stash.stores import Store, open_store
from nicegui_stash.testing import StoreConformance
from tests.servers.process import free_ports

from .redis_server import RedisServer


def certify(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the loopback address that signs itself; return where it and its key are."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'a Redis for tests')]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address('127.0.0.1'))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    there = folder / 'redis.crt', folder / 'redis.key'
    there[0].write_bytes(certificate.public_bytes(pem))
    there[1].write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))
    return there


class Encrypted(RedisServer):
    """A server that also listens with TLS."""

    def __init__(self, folder: Path) -> None:
        certificate, key = certify(folder)
        (self.tls_port,) = free_ports(1)
        files = ['--tls-cert-file', str(certificate), '--tls-key-file', str(key), '--tls-auth-clients', 'no']
        super().__init__(folder, '--tls-port', str(self.tls_port), *files)
        self.tls_url = f'rediss://127.0.0.1:{self.tls_port}/0'
        self.trusted: dict[str, Any] = {'ssl_ca_certs': str(certificate)}


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    server = Encrypted(tmp_path_factory.mktemp('redis'))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def server(running: Encrypted) -> Encrypted:
    await running.is_up()
    return running


class TestRedisOverTLS(StoreConformance):
    race_rounds, increments = 10, 20  # without TLS it gets the full numbers

    @pytest.fixture
    async def store(self, server: Encrypted) -> AsyncIterator[Store]:
        store = open_store(server.tls_url, server.trusted)
        yield store
        await store.aclose()

    @pytest.fixture
    async def other_store(self, server: Encrypted) -> AsyncIterator[Store]:
        """Another server's opening, as one in the same machine may have it: without TLS."""
        store = open_store(server.url)
        yield store
        await store.aclose()


async def test_a_server_whose_certificate_nobody_vouches_for_is_sent_nothing(server: Encrypted) -> None:
    store, plain = open_store(server.tls_url), open_store(server.url)
    with pytest.raises(Refused, match='CERTIFICATE_VERIFY_FAILED'):
        await store.put('x', b'secret', mode='create')
    assert await plain.get('x') is None
    await store.aclose()
    await plain.aclose()
