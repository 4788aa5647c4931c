"""Flags that mean a secret in one program only: `mysql -pX`, `curl -u me:X`, `redis-cli -a X`.

`-p` is a password here, a port there and a folder's parents elsewhere, so a flag is looked up for
the program that it is given to, also where that comes after `sudo`, `env` or `ssh host`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Slice = tuple[int, int]  # of an argument: what is secret in it

# What a flag's value is.
WHOLE = "whole"  # a secret
ATTACHED = "attached"  # a secret, only where it is attached: alone the flag asks for it
USER = "user"  # user:secret
TOKEN = "token"  # user:secret, or a secret where there is no colon
COMMA = "comma"  # user,secret
PERCENT = "percent"  # user%secret
AT = "at"  # user:secret@host
SOURCE = "source"  # pass:secret, or where it is to be found
COOKIE = "cookie"  # name=secret, or a file
ASSIGNED = "assigned"  # name=secret
SPARED = "spared"  # no secret, though its name sounds like one


class Program:
    """What is known of one program's flags."""

    __slots__ = ("any_assignment", "flags", "needs", "setter", "switches")

    def __init__(
        self,
        flags: dict[str, str],
        switches: str = "",
        needs: tuple[str, ...] = (),
        any_assignment: bool = False,
        setter: bool = False,
    ) -> None:
        self.flags = flags
        self.switches = switches  # letters that take no value: others may follow them
        self.needs = needs  # one of these words must stand before: `docker login -p`
        self.any_assignment = any_assignment  # every NAME=VALUE after such a word is a secret
        self.setter = setter  # after such a word, the value that follows a secret's name is one


def _all(names: str, *programs: Program) -> dict[str, tuple[Program, ...]]:
    return dict.fromkeys(names.split(), programs)


_LOGIN = Program({"-p": WHOLE}, needs=("login",))
_SETTER = Program({}, needs=("set", "config", "add"), setter=True)
_SECRETS_SET = Program({}, needs=("secrets", "secret"), any_assignment=True)

PROGRAMS: dict[str, tuple[Program, ...]] = {
    **_all(
        "mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlslap mysqlpump mysqlsh "
        "mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mycli",
        Program({"-p": ATTACHED, "--password": ATTACHED}, "ABCEGHLNTXVnqrstvw"),
    ),
    **_all(
        "curl",
        Program(
            {
                **dict.fromkeys(("-u", "--user", "-U", "--proxy-user", "-E", "--cert"), USER),
                **dict.fromkeys(("--oauth2-bearer", "--pass", "--proxy-pass"), WHOLE),
                **dict.fromkeys(("-b", "--cookie"), COOKIE),
                **dict.fromkeys(("-x", "--proxy", "--preproxy"), AT),
                **dict.fromkeys(("--key", "--pubkey", "--proxy-key", "--cookie-jar"), SPARED),
            },
            "sSfLkvgiIGjJlnNOpqRaB012346#:M",
        ),
    ),
    **_all("sshpass", Program({"-p": WHOLE}, "vV")),
    **_all("docker", _LOGIN),
    **_all("podman nerdctl buildah skopeo oras crane regctl cf oc ibmcloud", _LOGIN),
    **_all("helm", _LOGIN),
    **_all(
        "az", _LOGIN, Program({"--value": WHOLE}, needs=("secret",)), Program({"--name": SPARED})
    ),
    **_all("redis-cli valkey-cli keydb-cli", Program({"-a": WHOLE, "--pass": WHOLE})),
    **_all(
        "openssl",
        Program(
            {
                **dict.fromkeys(("-passin", "-passout", "-pass", "-macopt", "-sigopt"), SOURCE),
                **dict.fromkeys(("-k", "-K", "-hmac", "-passwd"), WHOLE),
                **dict.fromkeys(("-key", "-keyout", "-sigfile", "-signature"), SPARED),
            }
        ),
    ),
    **_all(
        "ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldapcompare ldapmodrdn ldapexop",
        Program({"-w": WHOLE}, "xZvnLcCAtuW"),
    ),
    **_all("ldappasswd", Program({"-w": WHOLE, "-a": WHOLE, "-s": WHOLE}, "xZvnAWS")),
    **_all(
        "smbclient smbget smbcacls smbtree rpcclient", Program({"-U": PERCENT, "--user": PERCENT})
    ),
    **_all("http https xh xhs", Program({"-a": TOKEN, "--auth": TOKEN}, "jfvhbdSpq")),
    **_all(
        "mongo mongosh mongodump mongorestore mongoimport mongoexport mongostat mongotop "
        "cqlsh rabbitmqadmin twine evil-winrm ncftpput ncftpget rdesktop",
        Program({"-p": WHOLE}),
    ),
    **_all("sqlcmd bcp isql tsql ipmitool zip unzip mosquitto_pub mosquitto_sub zipcloak",
           Program({"-P": WHOLE}, "qorjv9")),
    **_all("7z 7za 7zz rar unrar", Program({"-p": ATTACHED})),
    **_all("lftp", Program({"-u": COMMA})),
    **_all("plink pscp psftp putty", Program({"-pw": WHOLE})),
    **_all("snmpget snmpset snmpwalk snmpbulkwalk",
           Program({"-A": WHOLE, "-X": WHOLE, "-c": WHOLE})),
    **_all("doctl", Program({"-t": WHOLE})),
    **_all("glab", Program({"-t": WHOLE}, needs=("login",)), _SETTER),
    **_all("gh", Program({"-b": WHOLE, "--body": WHOLE}, needs=("secret",)), _SETTER),
    **_all("kubectl", Program({"--from-literal": ASSIGNED}, needs=("secret",)),
           Program({"--key": SPARED})),
    **_all("vault bao", Program({}, needs=("put", "write", "patch"), any_assignment=True)),
    **_all("aws", Program({"--value": WHOLE}, needs=("put-parameter",)), _SETTER),
    **_all("fly flyctl wrangler", _SECRETS_SET),
    **_all("npm pnpm yarn pip pip3 poetry composer git", _SETTER),
    **_all("sort", Program({"--key": SPARED})),
    **_all("ssh-keygen", Program({"-N": WHOLE, "-P": WHOLE})),
}  # fmt: skip
# These run another program only after one of these words: `docker exec db mysql -pX`.
_CONTAINERS = frozenset(["docker", "podman", "nerdctl", "kubectl", "oc", "docker-compose", "lxc"])
_RUNS = ("exec", "run", "--")
_HEADS = ("pass:", "key:", "hexkey:")


def base_name(argument: str) -> str:
    """Return the name of a program without the folders before it."""
    return argument.rpartition("/")[2]


class Line:
    """The arguments of one command line, and what is secret in them."""

    def __init__(
        self, arguments: "Sequence[str]", runners: frozenset[str], program: str = ""
    ) -> None:
        self._arguments = arguments
        self._runners = runners
        self.secrets: dict[int, Slice] = {}  # by argument
        self.spared: set[int] = set()  # arguments whose name means no secret here
        first = program or (base_name(arguments[0]) if arguments else "")
        if first in PROGRAMS or first in runners:
            self._read(first)

    def _read(self, current: str) -> None:
        """Read from left to right; `current` is the program that an argument belongs to."""
        words: set[str] = set()
        at = 1
        while at < len(self._arguments):
            argument = self._arguments[at]
            name = base_name(argument)
            if self._is_program(name, argument, current, words):
                current, words = name, set()
                at += 1
                continue
            known = PROGRAMS.get(current, ())
            at = self._argument(at, [one for one in known if _applies(one, words)])
            if not argument.startswith("-") or argument == "--":
                words.add(argument)

    def _is_program(self, name: str, argument: str, current: str, words: set[str]) -> bool:
        """Tell a program that the current one runs: what follows `sudo` and its like."""
        if current not in self._runners or (name not in PROGRAMS and name not in self._runners):
            return False
        if argument.startswith("-") or "=" in argument or "://" in argument:
            return False
        return current not in _CONTAINERS or not words.isdisjoint(_RUNS)

    def _argument(self, at: int, programs: "Iterable[Program]") -> int:
        """Look at one argument; return the place of the next one to look at."""
        argument = self._arguments[at]
        for program in programs:
            if argument.startswith("-") and len(argument) > 1:
                after = self._flag(at, argument, program)
                if after:
                    return after
            elif program.any_assignment and "=" in argument:
                return self._keep(at, argument.index("=") + 1, WHOLE)
            elif program.setter and _names_secret(argument) and at + 1 < len(self._arguments):
                self._keep(at + 1, 0, WHOLE)
                return at + 2
        return at + 1

    def _flag(self, at: int, argument: str, program: Program) -> int:
        """Take note of a flag's secret; return the place after it, or 0 for an unknown flag."""
        name, assigned, _ = argument.partition("=")
        kind = program.flags.get(name)
        if kind is not None:
            if assigned:
                return self._keep(at, len(name) + 1, kind)
            if kind == ATTACHED:
                self.spared.add(at)
                return at + 1
            if at + 1 >= len(self._arguments):
                return at + 1
            self.spared.add(at)
            return self._keep(at + 1, 0, kind)
        return 0 if argument.startswith("--") else self._cluster(at, argument, program)

    def _cluster(self, at: int, argument: str, program: Program) -> int:
        """Read `-sSu` as `-s -S -u`, and `-pX` as `-p X`."""
        for place, letter in enumerate(argument[1:], 2):
            kind = program.flags.get("-" + letter)
            if kind is not None:
                if place < len(argument):
                    return self._keep(at, place, kind)
                if kind == ATTACHED or at + 1 >= len(self._arguments):
                    return at + 1
                return self._keep(at + 1, 0, kind)
            if letter not in program.switches:
                return 0
        return 0

    def _keep(self, at: int, start: int, kind: str) -> int:
        argument = self._arguments[at]
        found = _within(argument, start, kind)
        if found is not None and found[0] < found[1]:
            self.secrets[at] = found
        else:
            self.spared.add(at)
        return at + 1


def _applies(program: Program, words: set[str]) -> bool:
    return not program.needs or not words.isdisjoint(program.needs)


def _names_secret(argument: str) -> bool:
    from ._names import is_secret_name, words_of

    return len(argument) <= 200 and len(words_of(argument)) > 1 and is_secret_name(argument, True)


def _within(argument: str, start: int, kind: str) -> "Slice | None":
    """Return which part of a flag's value is the secret, or None where there is none."""
    end = len(argument)
    if kind in (WHOLE, ATTACHED):
        return start, end
    if kind == SOURCE:
        head = next((head for head in _HEADS if argument.startswith(head, start)), None)
        return None if head is None else (start + len(head), end)
    if kind == SPARED:
        return None
    if kind == AT:
        at = argument.rfind("@", start)
        if at < 0 or "://" in argument:
            return None
        end = at
    mark = {USER: ":", TOKEN: ":", AT: ":", COMMA: ",", PERCENT: "%", COOKIE: "=", ASSIGNED: "="}[
        kind
    ]
    if kind == COOKIE:
        return (start, end) if "=" in argument[start:] else None
    found = argument.find(mark, start, end)
    if found < 0:
        return (start, end) if kind == TOKEN else None
    return found + 1, end


def secrets_in(text: str, runners: frozenset[str], depth: int = 0) -> "list[Slice]":
    """Return where a text that quotes command lines has such a secret, from left to right.

    Knows shell text (`cd x && mysql -pX`), lists as Python prints them (`['mysql', '-pX']`), and
    either within quotes.
    """
    if depth > _MAX_DEPTH or not any(name in text for name in PROGRAMS):
        return []
    import re

    pattern = _IN_LIST if "', '" in text or '", "' in text else _IN_SHELL
    found: list[Slice] = []
    words: list[Slice] = []
    for match in re.finditer(pattern, text):
        start, end = match.span()
        if match[0][0] in "|;&\n":
            found += _of_words(text, words, runners)
            words = []
            continue
        if match[0][0] in "'\"" and match[0].find(match[0][0], 1) == len(match[0]) - 1:
            start, end = start + 1, end - 1
            inner = text[start:end]
            if " " in inner:
                found += [(start + a, start + b) for a, b in secrets_in(inner, runners, depth + 1)]
        words.append((start, end))
    found += _of_words(text, words, runners)
    return sorted(set(found))


_MAX_DEPTH = 3
_IN_LIST = r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\""
_IN_SHELL = r"(?:\"(?:[^\"\\]|\\.)*+\"|'[^']*+'|\\.|[^\s\"'|;&<>()\\])++|[|;&\n]"


def _of_words(text: str, words: "list[Slice]", runners: frozenset[str]) -> "list[Slice]":
    contents = [text[start:end] for start, end in words]
    first = next(
        (
            at
            for at, word in enumerate(contents)
            if base_name(word) in PROGRAMS and "://" not in word and word[0:1] != "-"
        ),
        None,
    )
    if first is None:
        return []
    line = Line(contents[first:], runners)
    found = []
    for at, within in line.secrets.items():
        offset = words[first + at][0]
        start, end = within[0] + offset, within[1] + offset
        if text[start : start + 1] in ("'", '"') and text[end - 1 : end] == text[start]:
            start, end = start + 1, end - 1
        if start < end:
            found.append((start, end))
    return found
