"""Build a small almanac of numbers: `python build.py OUTPUT`.

Writes a page for each number, an archive of primes, and `manifest.json` with the SHA-256 of
every file. It asks git for the commit through `tooltrail run`, so that this call is found
below the build in the trace.
"""

import hashlib
import json
import lzma
import subprocess
import sys
from pathlib import Path
from string import Template

NUMBERS = range(1, 121)
PRIMES_BELOW = 2_000_000


def commit() -> str:
    """Return the short id of the commit that is built."""
    command = ["tooltrail", "run", "--", "git", "rev-parse", "--short", "HEAD"]
    here = Path(__file__).parent
    done = subprocess.run(command, cwd=here, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def pages(template: Template, built_from: str) -> dict[str, bytes]:
    """Render the front page and a page for each number."""
    links = " ".join(f'<a href="numbers/{number}.html">{number}</a>' for number in NUMBERS)
    texts = {"index.html": ("An almanac of numbers", links)}
    for number in NUMBERS:
        divisors = [other for other in range(1, number + 1) if number % other == 0]
        listed = ", ".join(map(str, divisors))
        texts[f"numbers/{number}.html"] = (f"The number {number}", f"Divisors: {listed}.")
    return {
        path: template.substitute(title=title, text=text, commit=built_from).encode()
        for path, (title, text) in texts.items()
    }


def primes_archive() -> bytes:
    """Return all primes below the limit as text, compressed."""
    sieve = bytearray([1]) * PRIMES_BELOW
    sieve[:2] = b"\0\0"
    for number in range(2, int(PRIMES_BELOW**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(sieve[number * number :: number]))
    lines = "".join(f"{number}\n" for number, prime in enumerate(sieve) if prime)
    return lzma.compress(lines.encode(), preset=9)


def write(output: Path, files: dict[str, bytes]) -> None:
    """Write the files, and the manifest of what was written."""
    for path, content in files.items():
        target = output / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    manifest = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    (output / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def main() -> None:
    """Build the site into the folder that the command line names."""
    template = Template((Path(__file__).parent / "page.html").read_text())
    files = pages(template, commit())
    files["primes.txt.xz"] = primes_archive()
    write(Path(sys.argv[1]), files)
    size = sum(map(len, files.values()))
    print(f"built {len(files)} files, {size:,} bytes")


if __name__ == "__main__":
    main()
