"""Secrets out, before anything is written: no value goes further than this module.

Most calls hold no secret and nothing that looks like one, so their texts are first searched for
the few substrings without which no rule could apply, for programs with flags of their own, and
for the values of the environment's secrets; only where one is found does `_redaction`, the engine
with all the rules, take over. The marks stand here alone, and the engine gets from here those
that it needs.
"""

import os

from ._encode import is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ._redaction import Redaction
    from .settings.kinds import RedactionRules


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Lower case. No name that means a secret is without one of these...
_NAME_MARKS = (
    *("tok", "sec", "pas", "pw", "sig", "hmac", "key", "auth", "cre", "jwt", "otp", "pin"),
    *("bea", "cook"),
)
# ...no key of a known format without one of these...
_KEY_MARKS = (
    *("eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glrt-", "gldt-"),
    *("glptt-", "glcbt-", "glsoat-", "gloas-", "glagent-", "dckr_", "hooks.slack", "/webhooks/"),
    *("sg.", "akia", "asia", "aiza", "gocspx-", "ya29.", "xox", "xapp-", "sk-", "k_live_"),
    *("k_test_", "whsec_", "pypi-", "npm_", "hf_", "rubygems_", "_v1_", "dapi", "hvs.", "hvb."),
    *("hvr.", ".atlasv1.", "lin_api_", "ntn_", "shpat_", "shpca_", "shppa_", "shpss_", "pmak-"),
    *("glsa_", "glc_", "gsk_", "xai-", "pplx-", "sntrys_", "pscale_", "atatt3x", ":aa"),
    "age-secret-key-1",
)
# ...and nothing else that a pattern finds without one of these.
_MARKS = ("://", "-----begin", "basic ", "identified ", *_NAME_MARKS, *_KEY_MARKS)
# Programs with flags that no mark reveals (`mysql -pX`), and what announces such a flag.
_PROGRAMS = _words(
    """mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlslap mysqlpump mysqlsh
    mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mycli curl sshpass login
    redis-cli valkey-cli keydb-cli openssl ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami
    ldapcompare ldapmodrdn ldapexop ldappasswd smbclient smbget smbcacls smbtree rpcclient http
    https xh xhs mongo mongosh mongodump mongorestore mongoimport mongoexport mongostat mongotop
    cqlsh rabbitmqadmin twine evil-winrm ncftpput ncftpget rdesktop sqlcmd bcp isql tsql ipmitool
    zip unzip zipcloak mosquitto_pub mosquitto_sub 7z 7za 7zz rar unrar lftp plink pscp psftp putty
    snmpget snmpset snmpwalk snmpbulkwalk doctl put-parameter ssh-keygen put patch write"""
)
# What runs other programs, in whose arguments a program may have its folder before it.
_RUNNERS = _words(
    """sh bash zsh dash ksh ash fish env sudo doas nohup time timeout nice ionice xargs stdbuf
    setsid chroot unbuffer watch parallel strace ltrace command exec caffeinate flock ssh su
    runuser docker podman kubectl oc nerdctl tooltrail uv npx docker-compose lxc vagrant
    eval"""
)
_MAX_CHARS = 16_384  # of a text that is passed at a look
_MIN_VARIABLE_CHARS = 12  # of a variable's value that is looked for


class Redactor:
    """Takes the secrets out of one call's params, arguments and messages.

    `redactions` then holds one `{"where", "rule"}` for each place, and `fingerprint` where the
    secret is long enough not to be guessed and `keys` names the folder of the installation's
    fingerprint keys. `names` are options and params that the author declared secret; `rules` are
    the machine's own. `program` is whose flags the arguments are, where the first of them does not
    tell. `environment` (`os.environ` by default) is where secrets may be that the texts repeat.
    """

    def __init__(
        self,
        names: "Iterable[str]" = (),
        *,
        rules: "RedactionRules | None" = None,
        keys: str | None = None,
        program: str | None = None,
        environment: "Mapping[str, str] | None" = None,
    ) -> None:
        self.redactions: list[dict[str, str]] = []
        self._engine: Redaction | None = None
        self._rules = rules
        self._keys = keys
        self._program = program
        self._variables = environment
        self._candidates: list[tuple[str, str]] | None = None
        if rules is not None:
            self._redaction()
        self.declare(names)

    def declare(self, names: "Iterable[str]", *, prompted: bool = False) -> None:
        """Name params and flags that the author declared secret.

        Their values, once seen, are taken out of everything that passes later. `prompted` marks
        those that a person types at a prompt: of them no fingerprint is kept, because people
        choose what can be guessed.
        """
        declared = list(names)
        if declared:
            self._redaction().declare(declared, prompted=prompted)

    def learn(self, values: "Iterable[str]") -> None:
        """Take these values out of everything that passes from now on."""
        self._redaction().learn(list(values))

    def params(self, params: "Mapping[str, Any]") -> "dict[str, Any]":
        """Return `params` as plain JSON values without their secrets."""
        if self._engine is None:
            texts = _texts_of(params)
            if texts is not None and self._is_harmless("\n".join(texts)):
                return dict(params)
        return self._redaction().params(params)

    def argv(self, argv: "Sequence[str]", where: str) -> list[str]:
        """Return command-line arguments without their secrets."""
        if (
            self._engine is None
            and not _may_have_flags(argv, self._program)
            and self._is_harmless("\n".join(argv))
        ):
            return list(argv)
        return self._redaction().argv(argv, where)

    def text(self, text: str, where: str) -> str:
        """Return free text without its secrets, cut at 131,072 characters."""
        if self._engine is None and self._is_harmless(text):
            return text
        return self._redaction().text(text, where)

    def body(self, data: "Any", where: str) -> "Any":
        """Return what a call gave back as a plain JSON value without its secrets, uncut."""
        return self._redaction().body(data, where)

    def environment(self, variables: "Mapping[str, str]", where: str) -> dict[str, str]:
        """Return environment variables without their secrets: by their names, and in the values."""
        return self._redaction().environment(variables, where)

    def identifier(self, text: str, where: str) -> str:
        """Return an id of the caller's: unchanged, unless it holds a key or a URL's password."""
        if self._engine is None and self._is_harmless(text):
            return text
        return self._redaction().identifier(text, where)

    def _redaction(self) -> "Redaction":
        if self._engine is None:
            from ._redaction import Redaction

            self._engine = Redaction(
                self.redactions,
                key_marks=_KEY_MARKS,
                runners=_RUNNERS,
                rules=self._rules,
                keys=self._keys,
                program=self._program,
                variables=self._secret_variables(),
            )
        return self._engine

    def _is_harmless(self, text: str) -> bool:
        """Tell a text that is plain JSON as it stands, and in which no rule could find a secret."""
        if len(text) > _MAX_CHARS or not text.isascii():
            return False
        lower = text.lower()
        for mark in _MARKS:  # a loop: `any` would take three times as long
            if mark in lower:
                return False
        if (" -" in text or "'-" in text) and any(name in text for name in _PROGRAMS):
            return False  # a command line that is quoted: `failed: mysql -pX`
        for _, value in self._secret_variables():  # noqa: SIM110 - see above
            if value in text:
                return False
        return True

    def _secret_variables(self) -> list[tuple[str, str]]:
        if self._candidates is None:
            variables = os.environ if self._variables is None else self._variables
            self._candidates = secret_variables(variables)
        return self._candidates


def secret_variables(environment: "Mapping[str, str]") -> list[tuple[str, str]]:
    """Return the variables that may hold a secret worth looking for: by mark, length and shape.

    Whether the name really is a secret's is judged by the engine, where a value was met.
    """
    # The bytes below `os.environ`: decoding all of them would take four times as long.
    raw = getattr(environment, "_data", None)
    try:
        names = b"\n".join(list(raw or ())).decode("ascii", "replace")
    except TypeError:  # a system where they are text
        names = ""
    names = names or "\n".join(list(environment))
    upper = f"\n{names.upper()}\n"
    if len(upper) != len(names) + 2:  # a letter of which there are two in upper case
        upper = f"\n{names}\n"
    ends = set()
    for mark in _UPPER_MARKS:
        at = upper.find(mark)
        while at >= 0:
            end = upper.find("\n", at)
            ends.add((upper.rfind("\n", 0, at), end - 1))
            at = upper.find(mark, end)
    found = [(names[start:end], environment.get(names[start:end], "")) for start, end in ends]
    return [(name, value) for name, value in found if _is_findable(value)]


def may_be_secret_name(names: str) -> bool:
    """Tell names among which one may mean a secret, before `_names` is loaded to judge them."""
    lower = names.lower()
    return any(mark in lower for mark in _NAME_MARKS)


_UPPER_MARKS = tuple(mark.upper() for mark in _NAME_MARKS)


def _is_findable(value: str) -> bool:
    """Tell a value that stands for nothing but itself, wherever it is met."""
    if len(value) < _MIN_VARIABLE_CHARS or value[0] == "/" or value.isalpha() or value.isdigit():
        return False
    words = value.split(None, 1)
    return words[0] == value and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _texts_of(params: "Mapping[str, Any]") -> list[str] | None:
    """Return all texts of plain params, or None where one is not plain JSON as it stands."""
    texts = []
    for name, value in params.items():
        if type(name) is not str:
            return None
        texts.append(name)
        for item in value if type(value) is list else (value,):
            if type(item) is str:
                texts.append(item)
            elif not is_plain(item):
                return None
        if type(value) is list and _may_have_flags(value, None):
            return None
    return texts


def _may_have_flags(argv: "Sequence[Any]", program: str | None) -> bool:
    """Tell arguments among which a program with secret flags of its own may be called."""
    if not argv:
        return False
    try:
        if not _PROGRAMS.isdisjoint(argv):
            return True
    except TypeError:
        return True  # something that is no text
    name = str(argv[0]).rpartition("/")[2] if program is None else program
    if name in _PROGRAMS:
        return True
    if name not in _RUNNERS:
        return False
    text = " ".join(argv) + " "
    return any(f"{known} " in text for known in _PROGRAMS)
