"""The hosts of a Genesys Cloud region.

Host names come from a list, never from free text, so that a typing error or a hostile value cannot
send credentials elsewhere. A region newer than the list is reached with GENESYS_API_URL and
GENESYS_LOGIN_URL.
"""

import difflib
from dataclasses import dataclass
from urllib.parse import urlsplit

from loader.errors import SettingsError

# AWS region -> domain; api.{domain} and login.{domain} are the hosts.
# Source: region list of the official SDK, PureCloudPlatformClientV2 269.0.0.
DOMAINS = {
    "us-east-1": "mypurecloud.com",
    "us-east-2": "use2.us-gov-pure.cloud",
    "us-west-2": "usw2.pure.cloud",
    "ca-central-1": "cac1.pure.cloud",
    "sa-east-1": "sae1.pure.cloud",
    "mx-central-1": "mxc1.pure.cloud",
    "eu-west-1": "mypurecloud.ie",
    "eu-west-2": "euw2.pure.cloud",
    "eu-central-1": "mypurecloud.de",
    "eu-central-2": "euc2.pure.cloud",
    "eusc-de-east-1": "edee1.eusc-pure.cloud",
    "ap-south-1": "aps1.pure.cloud",
    "ap-northeast-1": "mypurecloud.jp",
    "ap-northeast-2": "apne2.pure.cloud",
    "ap-northeast-3": "apne3.pure.cloud",
    "ap-southeast-1": "apse1.pure.cloud",
    "ap-southeast-2": "mypurecloud.com.au",
    "me-central-1": "mec1.pure.cloud",
}


@dataclass(frozen=True)
class Hosts:
    """Base URLs without a trailing slash; credentials go to `login`, the bearer to `api`, only."""

    api: str
    login: str


def region_hosts(region: str) -> Hosts:
    """Return the hosts of `region`, an AWS region name or a Genesys domain.

    Raises:
        SettingsError: the region is not in the list.
    """
    domain = DOMAINS.get(region, region)
    if domain not in DOMAINS.values():
        raise SettingsError(_unknown(region))
    return Hosts(api=f"https://api.{domain}", login=f"https://login.{domain}")


def _unknown(region: str) -> str:
    known = [*DOMAINS, *DOMAINS.values()]
    near = difflib.get_close_matches(region.lower(), known, n=1, cutoff=0.75)
    hint = f" Did you mean {near[0]}?" if near else ""
    return (
        f"GENESYS_REGION {region[:60]!r} is not a region we know.{hint} Accepted, an AWS region or "
        f"its domain: {', '.join(f'{name} ({domain})' for name, domain in DOMAINS.items())}. "
        "For a newer region set GENESYS_API_URL and GENESYS_LOGIN_URL."
    )


def checked_url(setting: str, url: str) -> str:
    """Return `url` without its trailing slash, if credentials may be sent there.

    Raises:
        SettingsError: not an absolute https URL of a host (http only for loopback).
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # read, because only reading it checks it
    except ValueError:
        raise SettingsError(f"{setting} is not a URL.") from None
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or parts.username
        or parts.query
        or parts.fragment
        or parts.path not in ("", "/")
    ):
        raise SettingsError(f"{setting} must be https://HOST or https://HOST:PORT, nothing more.")
    if parts.scheme == "http" and not loopback:
        raise SettingsError(f"{setting} must be https; http is for 127.0.0.1 and localhost only.")
    return url.rstrip("/")
