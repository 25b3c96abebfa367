"""What the sandbox says to a client that is not the loader."""

import requests

from tests.sandbox.process import SandboxProcess


def ask(
    sandbox: SandboxProcess,
    method: str,
    path: str,
    *,
    body: object = None,
    **params: str | int,
) -> requests.Response:
    """Ask the sandbox as any client would, whatever it answers."""
    with requests.Session() as session:
        session.trust_env = False
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
        }
        login = session.post(f"{sandbox.url}/oauth/token", data=form, timeout=30)
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        return session.request(
            method, sandbox.url + path, headers=headers, params=params, json=body, timeout=30
        )
