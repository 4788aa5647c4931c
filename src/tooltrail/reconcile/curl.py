"""What requests a command line of curl asks for, by its own manual."""

from urllib.parse import quote

from .._typing import TYPE_CHECKING
from .addresses import Address, Asked, address, expanded
from .options import PERHAPS, PLAIN, UNKNOWN, Style, names_in, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STYLE = Style(
    valued=names_in(
        """
        abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config
        connect-timeout connect-to continue-at cookie cookie-jar create-file-mode crlfile curves
        data data-ascii data-binary data-raw data-urlencode delegation dns-interface dns-ipv4-addr
        dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine etag-compare etag-save
        expect100-timeout form form-string ftp-account ftp-alternative-to-user ftp-method ftp-port
        ftp-ssl-ccc-mode happy-eyeballs-timeout-ms haproxy-clientip header hostpubmd5 hostpubsha256
        hsts interface ip-tos ipfs-gateway json keepalive-cnt keepalive-time key key-type
        knownhosts krb libcurl limit-rate local-port login-options mail-auth mail-from mail-rcpt
        max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir
        parallel-max parallel-max-host pass pinnedpubkey preproxy proto proto-default proto-redir
        proxy proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile
        proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name
        proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0
        pubkey quote random-file range rate referer request request-target resolve retry
        retry-delay retry-max-time sasl-authzid service-name sigalgs socks4 socks4a socks5
        socks5-gssapi-service socks5-hostname speed-limit speed-time stderr telnet-option
        tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser trace
        trace-ascii trace-config unix-socket upload-file upload-flags url url-query user
        user-agent variable vlan-priority write-out
        expand-data expand-data-binary expand-data-raw expand-data-urlencode expand-header
        expand-json expand-output expand-request expand-request-target expand-upload-file
        expand-url expand-url-query expand-user expand-user-agent
        """
    ),
    flags=names_in(
        """
        anyauth append basic ca-native cert-status compressed compressed-ssh create-dirs crlf
        digest disable disable-eprt disable-epsv disallow-username-in-url doh-cert-status
        doh-insecure dump-ca-embed eprt epsv fail fail-early fail-with-body false-start follow
        form-escape ftp-create-dirs ftp-pasv ftp-pret ftp-skip-pasv-ip ftp-ssl ftp-ssl-ccc
        ftp-ssl-control ftp-ssl-reqd get globoff haproxy-protocol head help http0.9 http1.0
        http1.1 http2 http2-prior-knowledge http3 http3-only ignore-content-length include
        insecure ipv4 ipv6 junk-session-cookies list-only location location-trusted
        mail-rcpt-allowfails manual metalink mptcp negotiate netrc netrc-optional next no-alpn
        alpn no-buffer buffer no-clobber clobber no-keepalive keepalive no-npn npn
        no-progress-meter progress-meter no-sessionid sessionid ntlm ntlm-wb out-null parallel
        parallel-immediate path-as-is post301 post302 post303 progress-bar proxy-anyauth
        proxy-basic proxy-ca-native proxy-digest proxy-http2 proxy-insecure proxy-negotiate
        proxy-ntlm proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 proxytunnel raw
        remote-header-name remote-name remote-name-all remote-time remove-on-error
        retry-all-errors retry-connrefused sasl-ir show-error show-headers silent skip-existing
        socks5-basic socks5-gssapi socks5-gssapi-nec ssl ssl-allow-beast ssl-auto-client-cert
        ssl-no-revoke ssl-reqd ssl-revoke-best-effort sslv2 sslv3 styled-output
        suppress-connect-headers tcp-fastopen tcp-nodelay tftp-no-options tls-earlydata tlsv1
        tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tr-encoding trace-ids trace-time use-ascii verbose version
        xattr
        """
    ),
    letters="AbcCdDeEFHKmoPQrtTuUwxXyYz",
    plain_letters="#:01234 6aBfgGhiIjJklLMnNOpqRsSvVZ".replace(" ", ""),
    names={
        **{"d": "data", "F": "form", "G": "get", "g": "globoff", "H": "header", "h": "help"},
        **{"I": "head", "K": "config", "M": "manual", "T": "upload-file", "V": "version"},
        **{"X": "request", ":": "next"},
    },
)
_DATA = (
    *("data", "data-ascii", "data-binary", "data-raw", "data-urlencode", "json"),
    *("form", "form-string"),
)
_NO_REQUEST = ("help", "manual", "version")


class _Set:
    """The options between two `--next`: they hold for all URLs among them, wherever they stand."""

    def __init__(self) -> None:
        self.on: set[str] = set()  # flags
        self.values: dict[str, str] = {}
        self.urls: list[str | None] = []
        self.files: list[str] = []
        self.perhaps: list[str] = []
        self.sends = self.other_host = self.unsure = False

    def take(self, name: str, value: str) -> None:
        """Take in one option, or one word."""
        if name in (PLAIN, "url"):
            self.urls.append(value)
        elif name == PERHAPS:
            self.perhaps.append(value)
        elif name == "upload-file":
            self.files.append(value)
        elif name == "header":
            self.other_host |= value.lower().startswith(("host:", "@"))
        elif name in _DATA:
            self.sends = True
        elif name == "expand-url":
            self.urls.append(None)
        elif name in (UNKNOWN, "config") or name.startswith("expand-"):
            self.unsure = True
        elif name.startswith("no-"):
            self.on.discard(name[3:])
        elif name in _STYLE.valued:
            self.values[name] = value
        else:
            self.on.add(name)

    def asked(self) -> "Iterator[Asked]":
        """Yield the requests, in curl's order: each URL with the file that stands at its place."""
        for place, url in enumerate(self.urls or self.perhaps[-1:]):
            file = self.files[place] if place < len(self.files) else ""
            uploads = [file] if self._literal else expanded(file)
            method = self._method(upload=bool(file))
            names: Sequence[str | None] = uploads or (None,)
            for name in names:
                for each in self._addresses(url):
                    where = each if not file else _in_folder(each, name)
                    yield self._one(method, where)

    @property
    def _literal(self) -> bool:
        return "globoff" in self.on

    def _addresses(self, url: str | None) -> "Iterator[Address]":
        urls = None if url is None else [url] if self._literal else expanded(url)
        if urls is None:
            yield Address(None, None)
            return
        scheme = self.values.get("proto-default", "http")
        for each in urls:
            found = address(each, scheme, as_is="path-as-is" in self.on)
            if found is not None:
                yield found

    def _one(self, method: str | None, where: Address) -> Asked:
        doubtful = "skip-existing" in self.on
        if self.unsure:
            return Asked(None, where.host, doubtful=doubtful)
        path, target = where.path, self.values.get("request-target")
        if target is not None:
            path = target.partition("?")[0]
        return Asked(method, None if self.other_host else where.host, path, doubtful)

    def _method(self, *, upload: bool) -> str | None:
        head, get = "head" in self.on, "get" in self.on
        if "request" in self.values:
            return self.values["request"].upper() or None
        if upload:
            return None if head or get or self.sends else "PUT"
        if head:
            return "HEAD" if get or not self.sends else None
        return "POST" if self.sends and not get else "GET"


def _in_folder(where: Address, file: str | None) -> Address:
    """Return where an upload goes: to a folder, the file's own name is put behind it."""
    if file in ("-", "."):
        return where
    if where.names_file:
        return where
    name = None if file is None else file.replace("\\", "/").rpartition("/")[2]
    if where.path is None or where.names_file is None or not name or not name.isascii():
        return where._replace(path=None)
    return where._replace(path=where.path + quote(name, safe="-._~"))


def asked_of_curl(words: "Sequence[str]") -> list[Asked]:
    """Return the requests that these arguments of curl ask for, in its order."""
    sets = [_Set()]
    for name, value in read(words, _STYLE):
        if name in _NO_REQUEST:
            return []
        if name == "next":
            sets.append(_Set())
        else:
            sets[-1].take(name, value)
    found = [one for each in sets for one in each.asked()]
    if any("fail-early" in each.on for each in sets):
        found[1:] = [one._replace(after_failure=False) for one in found[1:]]
    return found
