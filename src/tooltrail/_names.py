"""Which names mean a secret: of params, flags, variables, headers and fields.

Judged by words, so that `api_key`, `authToken`, `X-Api-Key` and `APIKey` are secrets' names, and
`author`, `monkey` and `keyboard` are not; and by the last word, because `token_file` and
`secret_name` hold something about a secret, not the secret.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A name is secret where one of its words is one of these...
SECRET_WORDS = _words(
    """token secret secrets password passwords passwd pw sig signature hmac passphrase passcode
    passkey pass pwd key auth authorization authentication oauth credential credentials cred creds
    apikey accesskey secretkey privatekey authkey jwt otp totp pin bearer cookie cookies"""
)
# ...or ends in one of these, written together (`dbpassword`, `githubtoken`).
SECRET_ENDINGS = ("token", "secret", "password", "passwd", "passphrase", "apikey", "secretkey")
# In free text these words alone are too common to mean a secret ("KeyError: ...").
WEAK_WORDS = frozenset(
    ["key", "auth", "pass", "pin", "otp", "cookie", "cookies", "oauth", "authentication"]
)
# A param of this name alone holds some, unless its value is a number: then it counts them.
TOKENS = "tokens"
# What comes before `key` in names that are no secrets...
_KEY_OF = _words(
    """primary foreign sort partition public group order cache index hash range row unique natural
    composite candidate surrogate join lookup config map dict object json idempotency dedup routing
    shard translation registry hot short any"""
)
_KEY_IS_SECRET_AFTER = frozenset(
    ["api", "access", "account", "secret", "shared", "private", "auth", "signing", "encryption"]
)
# ...and the last words of names whose value is not the secret itself...
_ABOUT = _words(
    """stdin prompt file files path paths type ttl limit count length size name names url uri urls
    method methods mode provider policy id ids arn version algorithm alg format style scheme field
    column host hostname port server endpoint domain region env var variable source store dir folder
    directory location expiry expires expiration lifetime age timeout rotation hint required enabled
    disabled status state error errors kind class index position label description flow callback
    issuer audience scope scopes realm min max strength manager helper command cmd agent sock socket
    usage bits ref fingerprint user username email alias role date time at vault pair check
    reset"""
)
# ...and the first ones (`--no-password`, `--ask-become-pass`).
_NOT_GIVEN = frozenset(["no", "ask", "skip", "without", "prompt", "require", "requires"])
_FOLDERS = frozenset(["PWD", "OLDPWD"])  # the shell's variables for where it is
# No secret word is without one of these: one pass over a name that has none.
STEMS = tuple(sorted({word[:3] for word in (*SECRET_WORDS, *SECRET_ENDINGS)}))
# The parent specification's (F-034), for the strict mode: anywhere in a name, in any case.
_STRICT = ("token", "secret", "password", "key", "credential", "auth")

_SPARED_ALONE = frozenset(["key", "keys", "auth", "oauth", "authentication"])
_MAX_PLAIN_WORD = 12  # characters
_SORT_KEY_CHARS = frozenset("0123456789.,bdfghiMnRrV")  # sort(1): -k 1.3n,1.5
_FILE_ENDINGS = (
    *(".pem", ".key", ".pub", ".crt", ".cer", ".der", ".json", ".p12", ".pfx", ".asc", ".gpg"),
    *(".jks", ".yaml", ".yml", ".toml", ".txt", ".ppk"),
)
_MAX_KNOWN, _MAX_KNOWN_CHARS = 2000, 200  # names whose judgement is kept
_known: dict[tuple[str, bool], bool] = {}


def is_secret_name(name: str, in_text: bool = False) -> bool:
    """Tell whether a parameter, variable, header or field of this name holds a secret.

    `in_text` is stricter, for names met in free text: words such as `key` alone do not count.
    """
    if len(name) > _MAX_KNOWN_CHARS:
        return _is_secret_name(name, in_text)
    asked = (name, in_text)
    answer = _known.get(asked)
    if answer is None:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        answer = _known[asked] = _is_secret_name(name, in_text)
    return answer


def _is_secret_name(name: str, in_text: bool) -> bool:
    lower = name.lower()
    if name in _FOLDERS or not any(stem in lower for stem in STEMS):
        return False
    words = words_of(name)
    if not words or words[0] in _NOT_GIVEN or _is_about(words):
        return False
    if in_text and len(words) == 1 and words[0] in WEAK_WORDS:
        return False
    return any(_written_together(chunk) for chunk in _chunks(lower)) or _has_secret_word(
        words, in_text
    )


def _is_about(words: list[str]) -> bool:
    if words[-1] not in _ABOUT:
        return False
    return words[-2:] != ["secret", "id"]  # the AppRole method's secret is called so


def _has_secret_word(words: list[str], in_text: bool) -> bool:
    for before, word in zip(["", *words], words, strict=False):
        if word == "key" and before in _KEY_OF:
            continue
        if before in _KEY_IS_SECRET_AFTER and word in ("key", "keys", "tokens"):
            return True
        weak = in_text and word in WEAK_WORDS and not (word == "pass" and before)
        if not weak and (word in SECRET_WORDS or word.endswith(SECRET_ENDINGS)):
            return True
    return False


def _written_together(chunk: str) -> bool:
    return chunk.endswith(SECRET_ENDINGS)


def _chunks(lower: str) -> list[str]:
    return "".join([char if char.isalnum() else " " for char in lower]).split()


def is_strict_name(name: str) -> bool:
    """Tell whether the parent specification's plain substrings are in a name."""
    lower = name.lower()
    return any(part in lower for part in _STRICT)


def words_of(name: str) -> list[str]:
    """Split a name into its words, in lower case: `X-Api-Key`, `authToken`, `APIKey`, `token2`."""
    bare = [word.rstrip("0123456789") for word in _split(name)]
    return [word for word in bare if word]


def canonical(name: str) -> str:
    """Return a name in one spelling, whichever style it is written in."""
    return "_".join(_split(name))


def _split(name: str) -> list[str]:
    spaced: list[str] = []
    before = ""
    for at, char in enumerate(name):
        if not char.isalnum():
            spaced.append(" ")
        elif char.isupper() and (
            before.islower()
            or before.isdigit()
            or (before.isupper() and name[at + 1 : at + 2].islower())
        ):
            spaced.append(" " + char)
        else:
            spaced.append(char)
        before = char
    return "".join(spaced).lower().split()


def is_plain_choice(name: str, value: str) -> bool:
    """Tell `--key 2`, `--key name`, `--auth basic` and `--key host.pem` from a secret.

    Only for names that say nothing but `key` or `auth`: a small number, one short word, or a
    file is what such an option mostly takes.
    """
    bare = name.strip("-_.0123456789").lower()
    if bare == TOKENS:
        return value.replace(".", "", 1).isdigit()
    if bare not in _SPARED_ALONE or not value:
        return False
    if len(value) <= _MAX_PLAIN_WORD and _is_word_or_column(value):
        return True
    return _is_file(value)


def _is_word_or_column(value: str) -> bool:
    if value.isalpha():
        return value.islower() or value.isupper() or value.istitle()
    if not value[0].isdigit() or not _SORT_KEY_CHARS.issuperset(value):
        return False
    runs = "".join([char if char.isdigit() else " " for char in value]).split()
    return all(len(run) <= 3 for run in runs)


def _is_file(value: str) -> bool:
    if any(char in value for char in " +=:\n"):
        return False
    if value.endswith(_FILE_ENDINGS):
        return True
    rooted = value.startswith(("/", "./", "../", "~/"))
    return rooted and all(len(part) < 24 for part in value.split("/"))
