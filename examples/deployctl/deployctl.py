"""deployctl: deploy a folder as a release, verify what is served, roll back.

- DIR/releases/NAME: what was deployed
- DIR/records/NAME.json: when, after which release, and what SHA-256 each file must have
- DIR/current: a symlink to the release that is served
- DIR/token.sha256: optional, the digest of the token that a change of the site needs
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click

from tooltrail import CommandError
from tooltrail.integrations.click import instrument

CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
REQUEST_SECONDS, VERIFY_SECONDS = 5, 60

site_option = click.option("--site", required=True, type=click.Path(path_type=Path))
token_option = click.option("--token", help="What the site, or its server, asks for.")


@click.group()
def cli() -> None:
    """Deploy a folder as a release, verify what is served, roll back."""


@cli.command()
@click.argument("source", type=click.Path(path_type=Path))
@site_option
@click.option("--release", help="Name of the release; by default a digest of its content.")
@token_option
def deploy(source: Path, site: Path, release: str | None, token: str | None) -> dict[str, Any]:
    """Copy SOURCE into the site as a new release, and switch to it.

    What each file must be is taken from SOURCE/manifest.json, or else from SOURCE as it is.
    """
    if not source.is_dir() or site.resolve().is_relative_to(source.resolve()):
        message, hint = f"{source} is not a folder outside of the site", "name the built folder"
        raise CommandError(message, code="BAD_SOURCE", hint=hint, retryable=False)
    with storage():
        authorize(site, token)
        found = digests(source)
        release = checked(release or hashlib.sha256(repr(found).encode()).hexdigest()[:12])
        if (site / "releases" / release).exists():
            hint = f"choose another --release, or: deployctl rollback --site {site} --to {release}"
            message = f"release {release} exists already"
            raise CommandError(message, code="RELEASE_EXISTS", hint=hint, retryable=False)
        previous = current_of(site)
        manifest = source / "manifest.json"
        meant = read_object(manifest) if manifest.exists() else found
        store(source, site, {"release": release, "previous": previous, "files": meant})
        switch(site, release)
        size = sum((site / "releases" / release / path).stat().st_size for path in found)
    return {"release": release, "previous": previous, "files": len(found), "bytes": size}


@cli.command()
@site_option
@click.option("--url", required=True, help="Where the current release is served.")
@token_option
def verify(site: Path, url: str, token: str | None) -> dict[str, Any]:
    """Fetch every file of the current release, and compare it with what was meant."""
    if urlsplit(url).scheme not in CONNECTIONS:
        raise click.BadParameter("must begin with http:// or https://", param_hint="--url")
    with storage():
        record = record_of(site)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    deadline = time.monotonic() + VERIFY_SECONDS
    wrong = []
    for path, digest in sorted(record["files"].items()):
        served = fetch(f"{url.rstrip('/')}/{quote(path)}", headers, deadline)
        if served != digest:
            wrong.append(f"{path} ({served if served.startswith('HTTP') else 'content differs'})")
    release, total = record["release"], len(record["files"])
    if wrong:
        named = ", ".join(wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        message = f"release {release}: {len(wrong)} of {total} files are not as meant: {named}"
        hint = f"go back to the release before: deployctl rollback --site {site}"
        raise CommandError(message, code="VERIFY_FAILED", hint=hint, retryable=False)
    return {"release": release, "url": url, "files": total}


@cli.command()
@site_option
@click.option("--to", "release", metavar="NAME", help="By default the one before the current.")
@token_option
def rollback(site: Path, release: str | None, token: str | None) -> dict[str, Any]:
    """Switch back to an earlier release."""
    with storage():
        authorize(site, token)
        record = record_of(site)
        target = checked(release) if release else record["previous"]
        if not target or not (site / "releases" / target).is_dir():
            missing = f"release {target}" if target else f"release before {record['release']}"
            hint = f"deployctl releases --site {site} lists what there is"
            raise CommandError(f"there is no {missing}", code="NO_SUCH_RELEASE", hint=hint)
        switch(site, target)
    return {"release": target, "previous": record["release"]}


@cli.command()
@site_option
def releases(site: Path) -> list[dict[str, Any]]:
    """List the releases in the order that they were deployed."""
    with storage():
        records = [record_of(site, path.stem) for path in (site / "records").glob("*.json")]
        current = current_of(site)
    for record in records:
        record.update(files=len(record["files"]), current=record["release"] == current)
    return sorted(records, key=lambda record: record["deployed_at"])


@contextmanager
def storage() -> Iterator[None]:
    """Tell in one line of files that cannot be read or written."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        raise CommandError(str(reason), code="STORAGE_FAILED") from error


def authorize(site: Path, token: str | None) -> None:
    """Refuse a change without the site's token, where the site has one."""
    lock, given = site / "token.sha256", hashlib.sha256((token or "").encode()).hexdigest()
    if lock.exists() and lock.read_text().strip() != given:
        raise CommandError("the site asks for another --token", code="TOKEN_REFUSED")


def checked(release: str) -> str:
    """Return a release's name, if it is safe as that of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", release):
        raise click.BadParameter("a release's name is made of letters, digits, '.', '_' and '-'")
    return release


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    read = [(str(path.relative_to(folder)), path.read_bytes()) for path in files]
    return {path: hashlib.sha256(content).hexdigest() for path, content in read}


def store(source: Path, site: Path, record: dict[str, Any]) -> None:
    """Copy the source under a passing name, then give it the release's."""
    release, moment = record["release"], datetime.now(UTC).isoformat(timespec="milliseconds")
    partial = site / "releases" / f".{release}.{os.getpid()}"
    try:
        shutil.copytree(source, partial)
        (site / "records").mkdir(exist_ok=True)
        written = json.dumps({**record, "deployed_at": moment})
        (site / "records" / f"{release}.json").write_text(written)
        partial.rename(site / "releases" / release)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def switch(site: Path, release: str) -> None:
    """Let `current` point to a release, in one step."""
    fresh = site / f".current.{os.getpid()}"
    fresh.symlink_to(Path("releases") / release)
    fresh.replace(site / "current")


def current_of(site: Path) -> str | None:
    """Return the name of the release that is served."""
    return (site / "current").readlink().name if (site / "current").is_symlink() else None


def record_of(site: Path, release: str | None = None) -> dict[str, Any]:
    """Return what was written down when a release, by default the current, was deployed."""
    release = release or current_of(site)
    if release is None:
        raise CommandError(f"nothing is deployed in {site}", code="NOTHING_DEPLOYED")
    return read_object(site / "records" / f"{release}.json")


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds."""
    try:
        found = json.loads(path.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return found


def fetch(url: str, headers: dict[str, str], deadline: float) -> str:
    """Return the SHA-256 of what is served, or the status of an answer that is no file."""
    parts, digest = urlsplit(url), hashlib.sha256()
    try:
        with closing(CONNECTIONS[parts.scheme](parts.netloc, timeout=REQUEST_SECONDS)) as server:
            server.request("GET", parts.path, headers=headers)
            answer = server.getresponse()
            while chunk := answer.read1(65536):
                digest.update(chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {VERIFY_SECONDS} s")
    except (OSError, HTTPException) as error:
        raise CommandError(f"{url}: {error}", code="UNREACHABLE", retryable=True) from error
    return digest.hexdigest() if answer.status == 200 else f"HTTP {answer.status}"


instrument(cli, tool="deployctl", version="1.2.3", envelope=True)

if __name__ == "__main__":
    cli(prog_name="deployctl")
