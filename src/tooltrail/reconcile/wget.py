"""What requests a command line of GNU Wget asks for, by its own manual."""

from .._typing import TYPE_CHECKING
from .addresses import Asked, address
from .options import PERHAPS, PLAIN, UNKNOWN, Style, names_in, read

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = Style(
    valued=names_in(
        """
        accept accept-regex append-output base bind-address bind-dns-address body-data body-file
        ca-certificate ca-directory certificate certificate-type ciphers compression config
        connect-timeout crl-file cut-dirs default-page directory-prefix dns-servers dns-timeout
        domains egd-file exclude-directories exclude-domains execute follow-tags ftp-password
        ftp-user header hsts-file http-passwd http-password http-user ignore-tags
        include-directories input-file input-metalink level limit-rate load-cookies
        local-encoding max-redirect metalink-index method output-document output-file password
        pinnedpubkey post-data post-file prefer-family preferred-location private-key
        private-key-type progress proxy-passwd proxy-password proxy-user quota random-file
        read-timeout referer regex-type reject reject-regex rejected-log remote-encoding
        report-speed restrict-file-names retry-on-http-error save-cookies secure-protocol
        start-pos timeout tries use-askpass user user-agent wait waitretry warc-dedup warc-file
        warc-header warc-max-size warc-tempdir
        """
    ),
    flags=names_in(
        """
        adjust-extension ask-password auth-no-challenge background backup-converted backups cache
        check-certificate clobber content-disposition content-on-error continue convert-file-only
        convert-links cookies debug delete-after directories dns-cache follow-ftp
        force-directories force-html ftps-clear-data-connection ftps-fallback-to-ftp
        ftps-implicit ftps-resume-ssl glob help host-directories hsts html-extension
        http-keep-alive https-only if-modified-since ignore-case ignore-length inet4-only
        inet6-only iri keep-badhash keep-session-cookies metalink-over-http mirror netrc
        no-config no-verbose no-parent page-requisites parent passive-ftp preserve-permissions
        protocol-directories proxy quiet random-wait recursive relative remove-listing
        retr-symlinks retry-connrefused save-headers server-response show-progress span-hosts
        spider strict-comments timestamping trust-server-names unlink use-server-timestamps
        verbose version warc-cdx warc-compression warc-digests warc-keep-log xattr
        """
    ),
    letters="aABDeGiIlnoOPQRtTUwX",
    plain_letters="46bcdEFhHkKLmNpqrsSvVxY",
    names={
        **{"b": "background", "e": "execute", "h": "help", "m": "mirror", "N": "timestamping"},
        **{"Q": "quota", "r": "recursive", "V": "version"},
    },
)
_NOT_TOLD = ("background", "help", "version")  # no request, or one that outlives the call
_MATTERS = ("method", "post", "spider", "timestamping", "mirror", "header")  # in .wgetrc's words


def asked_of_wget(words: "Sequence[str]") -> list[Asked]:
    """Return the requests that these arguments of wget ask for: its first, of each URL."""
    on: set[str] = set()
    values: dict[str, str] = {}
    urls: list[str] = []
    perhaps: list[str] = []
    for name, value in read(words, _STYLE):
        if name == PLAIN:
            urls.append(value)
        elif name == PERHAPS:
            perhaps.append(value)
        elif name == "header" and value.lower().startswith("host"):
            on.add("host")
        elif name == "execute" and _matters(value):
            on.add(UNKNOWN)
        elif name == "no-clobber" or (name == "n" and "c" in value):
            on.add("no-clobber")
        elif name.startswith("no-"):
            on.discard(name[3:])
        elif name in _STYLE.valued:
            values[name] = value
        else:
            on.add(name)
    if on & {*_NOT_TOLD}:
        return []
    method = _method(on, values)
    where = [address(url) for url in urls or perhaps[-1:] if not _is_ftp(url)]
    sure = UNKNOWN not in on
    return [
        Asked(
            method,
            None if "host" in on else each.host,
            each.path if sure else None,
            doubtful="no-clobber" in on or "quota" in values,
        )
        for each in where
        if each is not None
    ]


def _method(on: set[str], values: dict[str, str]) -> str | None:
    if UNKNOWN in on or "config" in values:
        return None
    if values.get("method"):
        return values["method"].upper()
    if "post-data" in values or "post-file" in values:
        return "POST"
    if on & {"timestamping", "mirror"}:
        return None  # by version, and by what is there already: HEAD, or GET
    if "spider" in on:
        return None if "recursive" in on else "HEAD"
    return "GET"


def _matters(setting: str) -> bool:
    name = setting.partition("=")[0].lower().replace("_", "").replace("-", "").strip()
    return name.startswith(_MATTERS)


def _is_ftp(url: str) -> bool:
    """Tell wget's shorthand `host:folder/file` from `host:port/path`."""
    host, colon, rest = url.partition(":")
    return bool(colon) and "/" not in host and not rest.startswith("/") and not rest[:1].isdigit()
