"""Whom the machine trusts: read once, and only where there is TLS."""

import ssl

import pytest

from loader.genesys.client import Client
from loader.genesys.hosts import Hosts
from loader.genesys.quota import Quota
from loader.genesys.retries import RetryPolicy


@pytest.mark.parametrize(("scheme", "times"), [("https", 1), ("http", 0)])
def test_it_is_read_once_for_all_sessions_and_not_without_tls(
    monkeypatch: pytest.MonkeyPatch, scheme: str, times: int
) -> None:
    """It is a hundred certificates, and each thread that reads has a session of its own."""
    read = []
    make = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        read.append(make())
        return read[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    hosts = Hosts(f"{scheme}://localhost", f"{scheme}://localhost")
    client = Client(hosts, "nobody", "nothing", Quota(300), RetryPolicy())
    with client._session() as one, client._session() as another:
        assert one is not another
    client.close()
    assert len(read) == times
