"""Every HTTP client that is observed, each doing one GET in its own way."""

import asyncio
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import httpx
import httpx2
import requests
import urllib3

Get = Callable[[str, Mapping[str, str]], int]


def by_requests(url: str, headers: Mapping[str, str]) -> int:
    """A session, as most tools have one."""
    with requests.Session() as session:
        return session.get(url, headers=dict(headers), timeout=10).status_code


def by_urllib3(url: str, headers: Mapping[str, str]) -> int:
    """A pool manager, with no retries beyond redirects."""
    with urllib3.PoolManager(retries=urllib3.Retry(connect=0, read=0, redirect=5)) as pool:
        answer: int = pool.request("GET", url, headers=dict(headers), timeout=10).status
        return answer


def by_urllib(url: str, headers: Mapping[str, str]) -> int:
    """An opener of its own: that of `urlopen` keeps the proxies of its first request."""
    request = urllib.request.Request(url, headers=dict(headers))
    with urllib.request.build_opener().open(request, timeout=10) as response:
        status: int = response.status
        return status


def by_httpx(url: str, headers: Mapping[str, str], library: Any = httpx) -> int:
    """A client that follows redirects."""
    with library.Client(follow_redirects=True, timeout=10) as client:
        status: int = client.get(url, headers=dict(headers)).status_code
        return status


def by_httpx2(url: str, headers: Mapping[str, str]) -> int:
    """The same of the successor."""
    return by_httpx(url, headers, httpx2)


def by_async_httpx(url: str, headers: Mapping[str, str], library: Any = httpx) -> int:
    """The async client, in a loop of its own."""

    async def get() -> int:
        async with library.AsyncClient(follow_redirects=True, timeout=10) as client:
            return int((await client.get(url, headers=dict(headers))).status_code)

    return asyncio.run(get())


def by_async_httpx2(url: str, headers: Mapping[str, str]) -> int:
    """The same of the successor."""
    return by_async_httpx(url, headers, httpx2)


def by_aiohttp(url: str, headers: Mapping[str, str]) -> int:
    """A session, in a loop of its own."""

    async def get() -> int:
        timeout = aiohttp.ClientTimeout(10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers) as response,
        ):
            await response.read()
            return response.status

    return asyncio.run(get())


CLIENTS: dict[str, Get] = {
    "requests": by_requests,
    "urllib3": by_urllib3,
    "urllib.request": by_urllib,
    "httpx": by_httpx,
    "httpx2": by_httpx2,
    "async httpx": by_async_httpx,
    "async httpx2": by_async_httpx2,
    "aiohttp": by_aiohttp,
}
