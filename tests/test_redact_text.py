"""Secrets in free text: formats, URLs, connection strings, markup; and what only looks like one."""

import json
import string
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PYTHON, Home
from strategies import carriers, json_values, secret_names, secrets
from tooltrail._names import is_plain_choice, is_secret_name
from tooltrail.redact import Redactor
from tooltrail.settings.kinds import RedactionRules

SECRET = "Zx9Q7w3Kt5Vb2Nn8"
GONE = "[REDACTED]"
BODY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3"
HEX = "0123456789abcdef" * 4


def text(value: str) -> str:
    return Redactor().text(value, "error.message")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (r"https://me:a/b#c§@h.io/x", f"https://me:{GONE}@h.io/x"),
        (r"https://me:a§?x@h.io/x@y", f"https://me:{GONE}@y"),
        (r"postgres://me:pass § word@db/x", f"postgres://me:{GONE}@db/x"),
        (r"mongodb+srv://u:§@h/x?retryWrites=true", f"mongodb+srv://u:{GONE}@h/x?retryWrites=true"),
        (r"amqp://u:§@h:5672//", f"amqp://u:{GONE}@h:5672//"),
        (r"redis://:§@h:6379/0", f"redis://:{GONE}@h:6379/0"),
        (r"https://§§:x-oauth-basic@github.com", f"https://{GONE}:x-oauth-basic@github.com"),
        (r"https://b/k?X-Amz-Signature=§", f"https://b/k?X-Amz-Signature={GONE}"),
        (r"https://b/k?X-Amz-Credential=§&x=1", f"https://b/k?X-Amz-Credential={GONE}&x=1"),
        (r"https://b/k?X-Amz-Security-Token=§", f"https://b/k?X-Amz-Security-Token={GONE}"),
        (r"https://b/k?sv=1&sig=§&se=2", f"https://b/k?sv=1&sig={GONE}&se=2"),
        (r"https://b/k?Signature=§", f"https://b/k?Signature={GONE}"),
        (r"https://b/k?code=§§&state=x", f"https://b/k?code={GONE}&state=x"),
        (r"https://b/k?key=§", f"https://b/k?key={GONE}"),
        (r"Server=x;Password=a,b&§;Encrypt=1", f"Server=x;Password={GONE};Encrypt=1"),
        (r"AccountName=a;AccountKey=§==;Suffix=x", f"AccountName=a;AccountKey={GONE};Suffix=x"),
        (r"<password>§</password>", f"<password>{GONE}</password>"),
        (r"<ns:apiKey type='x'>§ and</ns:apiKey>", f"<ns:apiKey type='x'>{GONE}</ns:apiKey>"),
        (r'<add key="ApiKey" value="§"/>', f'<add key="ApiKey" value="{GONE}"/>'),
        (r'{"name": "DB_PASSWORD", "value": "§"}', f'{{"name": "DB_PASSWORD", "value": "{GONE}"}}'),
        ("- name: DB_PASSWORD\n  value: §\n", f"- name: DB_PASSWORD\n  value: {GONE}\n"),
        (r"machine h login me password §", f"machine h login me password {GONE}"),
        (r"ALTER USER x WITH PASSWORD '§'", f"ALTER USER x WITH PASSWORD '{GONE}'"),
        (r"CREATE USER x IDENTIFIED BY '§'", f"CREATE USER x IDENTIFIED BY '{GONE}'"),
        (r"the password '§' is wrong", f"the password '{GONE}' is wrong"),
        (r"failed: ['tool', '--token', '§']", f"failed: ['tool', '--token', '{GONE}']"),
        (r'{"token": 12345678, "n": 1}', f'{{"token": "{GONE}", "n": 1}}'),
        (r"{'Authorization': 'Bearer §'}", f"{{'Authorization': '{GONE}'}}"),
        ('Authorization: Digest username="a", response="§"', f"Authorization: {GONE}"),
        ('> Authorization: X a="b", r="§"\n> Host: x', f"> Authorization: {GONE}\n> Host: x"),
        (r"a\napi_key=§", rf"a\napi_key={GONE}"),
        (r"token=decode('§')", f"token=decode('{GONE}')"),
        (r"TOKEN=${TOKEN:-§}", f"TOKEN={GONE}}}"),
        (r"password=$ecret1§", f"password={GONE}"),
    ],
)  # fmt: skip
def test_a_secret_in_a_text_goes_and_the_rest_stays(value: str, kept: str) -> None:
    """The secret's part alone is taken out."""
    assert text(value.replace("§", SECRET)) == kept


KEYS = {
    "Google client": "GOCS" + "PX-" + BODY[:28],
    "Google access": "ya2" + "9." + BODY,
    "Slack app": "xap" + "p-1-A0123-" + BODY[:20],
    "GitLab deploy": "gld" + "t-" + BODY[:20],
    "Discord": "discord.com/api/web" + "hooks/123456789012/" + BODY,
    "DigitalOcean": "dop" + "_v1_" + HEX,
    "Databricks": "dap" + "i" + HEX[:32],
    "Vault": "hv" + "s." + BODY,
    "Terraform": BODY[:14] + ".atlas" + "v1." + BODY,
    "Linear": "lin" + "_api_" + BODY[:40],
    "Shopify": "shp" + "at_" + HEX[:32],
    "Postman": "PMA" + "K-" + HEX[:24] + "-" + HEX[:34],
    "Grafana": "gls" + "a_" + BODY[:32] + "_0123abcd",
    "Groq": "gs" + "k_" + BODY,
    "RubyGems": "rubyg" + "ems_" + HEX[:48],
    "Sentry": "sntr" + "ys_" + BODY,
    "PlanetScale": "pscale" + "_pw_" + BODY,
    "Atlassian": "ATAT" + "T3x" + BODY,
    "age": "AGE-SEC" + "RET-KEY-1" + (BODY.upper() + BODY.upper())[:58],
    "Telegram": "123456789" + ":AA" + BODY[:33],
    "Docker": "dckr" + "_oat_" + BODY[:30],
    "1Password": "ops_" + "eyJ" + BODY,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("frame", ["{}", "got {}.", "x%20{}", r"a\n{}", '{{"v":"{}"}}'])
def test_more_keys_are_known_by_their_format(key: str, frame: str) -> None:
    """Also after the escapes that a key may follow without a blank."""
    kept = Redactor().argv(["tool", frame.format(key)], "argv")[1]
    assert GONE in kept
    assert key[-12:] not in kept


UNTOUCHED = r"""
--token $TOKEN and --token ${TOKEN} and --password "$(cat f)"
token=get_token() password=getpass.getpass()
api_key=os.environ["API_KEY"] token=os.getenv('TOKEN')
TOKEN=$TOKEN PASSWORD=${PASSWORD} run
token: null, password=None, "secret": true
password: **** and token=********
curl -H "Authorization: Bearer $TOKEN" https://x.io
echo ${{ secrets.TOKEN }} token: ${{ secrets.TOKEN }}
token: {{ vault_token }}
http://localhost:8080/x@y http://[::1]:8080/x@y
docker://alpine:3.18@sha256:abc
https://x.io:8080/@scope/y
key=value key: 3 auth: basic
KeyError: 'abc' and error: key not found
primary_key=4 cache_key=abc idempotency_key=a1b2c3d4e5f6a1b2c3d4
the token is wrong and the password too
exit code=1, code=ENOENT
login as root, password authentication failed
<tokens>3</tokens> <name>x</name>
password required, token expired: renew
signing.key: No such file or directory
secrets/token: Permission denied
token: expected a string
--password: Missing argument
""".strip().splitlines()


@pytest.mark.parametrize("value", UNTOUCHED)
def test_a_text_that_only_speaks_of_secrets_is_unchanged(value: str) -> None:
    """References, calls, nothings, masks and prose hold none."""
    assert text(value) == value


STYLES = {
    "snake": "_".join,
    "kebab": "-".join,
    "upper": lambda words: "_".join(words).upper(),
    "dotted": ".".join,
    "header": lambda words: "-".join(word.title() for word in words),
    "camel": lambda words: words[0] + "".join(word.title() for word in words[1:]),
    "Pascal": lambda words: "".join(word.title() for word in words),
}
_WORDS = """
api key auth token secret password author monkey sort primary user name db access private client
url file max id count webhook github cookie count session signing
"""
WORDS = st.sampled_from(_WORDS.split())


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_name_is_judged_alike_in_every_style(words: list[str]) -> None:
    """Snake, kebab, camel, Pascal, upper case, dots and headers say the same."""
    assert len({is_secret_name(style(words)) for style in STYLES.values()}) == 1  # type: ignore[no-untyped-call]
    assert len({is_secret_name(style(words), True) for style in STYLES.values()}) == 1  # type: ignore[no-untyped-call]


HIDDEN_NAMES = """
APIKey MYAPIKey HTTPAuth OAuth2Token token2 api_key_1 SecretID
AWSSecretKey DBPass PASSword
"""


@pytest.mark.parametrize("name", HIDDEN_NAMES.split())
def test_capitals_and_numbers_do_not_hide_a_secret_name(name: str) -> None:
    """Words are split where capitals end, and a number at the end of a word says nothing."""
    assert is_secret_name(name)


ABOUT_NAMES = """
auth_url token_endpoint key_name secret_name access_key_id  auth_mode auth-provider
password_policy tokenUri key_vault kms_key_arn  password_changed_at token_env ask_pass
auth_method credential_helper  auth_sock key_pair oauth_scopes idempotency_key
"""


@pytest.mark.parametrize("name", ABOUT_NAMES.split())
def test_what_a_name_tells_about_a_secret_is_none(name: str) -> None:
    """Its last word says that the value is an address, a name, a kind or a time."""
    assert not is_secret_name(name)


@pytest.mark.parametrize("value", ["2", "2,2n", "1.3n", "name", "NAME", "basic", "host.pem",
                                   "/etc/ssl/h.key", "./k", "~/.ssh/id"])  # fmt: skip
def test_a_bare_key_is_no_secret_with_a_plain_value(value: str) -> None:
    """`--key` alone means a column, a field or a file as often as a secret."""
    assert is_plain_choice("key", value)
    assert Redactor().argv(["tool", "--key", value], "argv") == ["tool", "--key", value]
    assert Redactor().params({"key": value}) == {"key": value}


@pytest.mark.parametrize("value", [SECRET, "12345678", "a:b", "aBcDeFg", "/" + "a1" * 30, "x y"])
def test_a_bare_key_is_a_secret_with_any_other_value(value: str) -> None:
    """What is no word, number or file is taken out."""
    assert Redactor().argv(["tool", "--key", value], "argv") == ["tool", "--key", GONE]
    assert Redactor().params({"key": value, "auth": value}) == {"key": GONE, "auth": GONE}


def test_strict_mode_takes_the_parent_specification_s_substrings() -> None:
    """`token`, `secret`, `password`, `key`, `credential`, `auth`, anywhere in the name."""
    given_ = {"author": "me", "monkey": "m", "token_count": 3, "n": 1, "tokenizer": "b"}
    assert Redactor(rules=RedactionRules(strict=False)).params(given_) == given_
    kept = Redactor(rules=RedactionRules(strict=True)).params(given_)
    assert kept == {"author": GONE, "monkey": GONE, "token_count": GONE, "n": 1, "tokenizer": GONE}
    strict = Redactor(rules=RedactionRules(strict=True))
    assert strict.argv(["t", "--author", "me", "X=1"], "argv") == ["t", "--author", GONE, "X=1"]
    assert "me" not in Redactor(rules=RedactionRules(strict=True)).text("author: me", "e")


def test_the_machine_s_own_names_spares_and_prefixes_hold() -> None:
    """In every spelling; a prefix counts at a word's start, with eight more characters."""
    rules = RedactionRules(
        names=("door-code",), spare=("design_token",), prefixes=("acme_", "zz+(")
    )
    redactor = Redactor(rules=rules)
    assert redactor.params({"doorCode": "12", "design_token": "blue", "x": 1}) == {
        "doorCode": GONE, "design_token": "blue", "x": 1,
    }  # fmt: skip
    assert redactor.argv(["t", "--door-code=7", "--design-token", "b", "acme_12345678"], "a") == [
        "t", f"--door-code={GONE}", "--design-token", "b", GONE,
    ]  # fmt: skip
    for value, kept in [("got acme_12345678.", f"got {GONE}"), ("acme_1234567", "acme_1234567"),
                        ("xacme_12345678", "xacme_12345678"), ("zz+(12345678 x", f"{GONE} x"),
                        ("door_code=77 x", f"door_code={GONE} x")]:  # fmt: skip
        assert Redactor(rules=rules).text(value, "e") == kept


def test_a_secret_that_one_text_showed_is_gone_from_the_next() -> None:
    """A header's token, a URL's password, escaped or not, is known where it comes again."""
    redactor = Redactor()
    redactor.argv(
        ["t", "-H", f"Authorization: Bearer {SECRET}", f"https://u:{SECRET[::-1]}%2F1@h"], "a"
    )
    for shown in (SECRET, SECRET[::-1] + "/1"):
        assert redactor.text(f"refused: {shown}", "error.message") == f"refused: {GONE}"
    redactor.params({"password": 'a"b\\c d9e8f7'})
    for shown in ('a"b\\c d9e8f7', 'a\\"b\\\\c d9e8f7', "a%22b%5Cc%20d9e8f7"):
        assert "f7" not in redactor.text(f"x {shown} y", "error.message")


def test_a_short_secret_is_taken_out_of_words_of_its_own_only() -> None:
    """`test` as a password does not blot out `latest`."""
    redactor = Redactor()
    redactor.params({"password": "test"})
    assert redactor.text("the latest test, test2", "e") == f"the latest {GONE}, test2"


@given(
    st.recursive(
        st.one_of(
            json_values,
            secrets,
            st.builds(lambda c, n, s: c.format(name=n, secret=s), carriers, secret_names, secrets),
            st.text(alphabet="\"'\\:=/@-,;&{}[]<> \nabkeytokenpassword$(Bearer", max_size=60),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.one_of(secret_names, st.text(max_size=8)), inner, max_size=3),
        ),
        max_leaves=8,
    ),
    st.sampled_from([None, 1]),
)
def test_what_is_json_stays_json(value: Any, indent: "int | None") -> None:
    """A JSON text that holds secrets can be read after they are out, and settles."""
    once = text(json.dumps([value], indent=indent))
    assert isinstance(json.loads(once), list)
    assert text(once) == once


@given(st.text(alphabet=string.ascii_letters + string.digits + " .,-_/\n", max_size=200))
def test_a_text_without_a_mark_is_the_same_object(value: str) -> None:
    """Nothing is built anew where there is nothing to find."""
    redactor = Redactor(environment={})
    if redactor._is_harmless(value):
        assert redactor.text(value, "e") is value
        assert Redactor(rules=RedactionRules()).text(value, "e") == value


ADVERSARIAL = {
    "names": "'a:' * (n // 2)",
    "secret names": "'key:' * (n // 4)",
    "tokens": "'token=' * (n // 6)",
    "quotes": "chr(92) + '\"' + 'token' + (chr(92) + '\"') * (n // 2)",
    "schemes": "'://' * (n // 3)",
    "schemes with users": "'://b:' * (n // 5)",
    "blanks in userinfo": "'://b:' + 'x ' * (n // 2)",
    "userinfo without end": "'://b:' + 'c' * n",
    "many ats": "'://b:c' + '@' * n",
    "PEM": "'-----BEGIN' * (n // 10)",
    "PEM in quotes": "'\"-----BEGIN PRIVATE KEY-----\"' * (n // 29)",
    "JWT": "'eyJ' * (n // 3)",
    "JWT in pieces": "'eyJaaaaaa.' * (n // 10)",
    "options": "'--x ' * (n // 4)",
    "secret options": "'--token ' * (n // 8)",
    "elements": "'<a' * (n // 2)",
    "open elements": "'<password>' * (n // 10)",
    "an element": "'<password>' + 'x' * n",
    "attributes": "'<password ' + 'x' * n",
    "unclosed brackets": "'secret:{' + chr(10) + 'secret:{' * (n // 8)",
    "brackets in lines": "('secret:{' + chr(10)) * (n // 9)",
    "pairs": "'name:a,value:' * (n // 13)",
    "half pairs": "'name:a' + ' ' * n",
    "calls": "'token=f(' * (n // 8)",
    "calls with quotes": "'token=f(\"' * (n // 9)",
    "references": "'token=$(' * (n // 8)",
    "netrc": "'machine login password ' * (n // 23)",
    "SQL": "'identified with a by ' * (n // 21)",
    "shell": "'mysql -u ' * (n // 9)",
    "shell quotes": "'mysql -u ' + chr(34) * n",
    "nested shell quotes": "('mysql -u ' + chr(34) + chr(39)) * (n // 11)",
    "Telegram": "'0' * n + ':aa'",
    "Terraform": "'a' * n + '.atlasv1.'",
    "cookies": "'cookie: ' * (n // 8)",
    "segments": "';pwd=' * (n // 5)",
    "commas": "'curl -d ' + ',' * n",
    "backslashes": "'password=' + chr(92) * n",
    "stars": "'password=' + '*' * n",
    "a key's word": "'key=' + 'a1' * (n // 2)",
    "percents": "'://u:' + '%41' * (n // 3) + '@h'",
    "JSON": "'[' * (n // 100) + '\"token=a\"' + ']' * (n // 100)",
    "learnt": "'password=abcdefgh%07d ' % 1 * (n // 26)",
    "different secrets": "' '.join('password=abcdefgh%07d' % i for i in range(n // 26))",
}


@pytest.mark.parametrize("made", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_the_time_for_a_text_grows_with_its_length(home: Home, made: str) -> None:
    """Ten times the text takes ten times as long, not a hundred: the guard is coarse on purpose."""
    code = f"""
import time
from tooltrail.redact import Redactor
def taken(n):
    text = {made}
    started = time.process_time()
    Redactor(environment={{}}).text(text, "x")
    return time.process_time() - started
taken(1000)
small, large = min(taken(100_000) for _ in range(2)), taken(1_000_000)
print(small, large)
assert large < 50 * small + 0.5, (small, large)
"""
    done = subprocess.run(
        [PYTHON, "-c", code], timeout=60, env=home.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
