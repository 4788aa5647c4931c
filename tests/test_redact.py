"""Secrets are taken out before anything is written, and nothing else is.

The made-up keys are put together at run time, so that no scanner of this repository stops at them.
"""

import json
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PYTHON, Home
from strategies import (
    carriers,
    clean_text,
    json_values,
    plain_names,
    prose,
    python_values,
    secret_names,
    secrets,
    wild_text,
)
from tooltrail import _names, redact
from tooltrail._names import is_secret_name
from tooltrail.redact import Redactor

SECRET = "Zx9Q7w3Kt5Vb2Nn8"
GONE = "[REDACTED]"


def argv(*arguments: str, names: "tuple[str, ...]" = ()) -> list[str]:
    return Redactor(names).argv(arguments, "params.argv")


def text(value: str) -> str:
    return Redactor().text(value, "error.message")


SECRET_NAMES = """
token secret secrets password passwd passphrase passcode pass pwd key auth authorization
credential credentials creds cookie cookies jwt otp pin bearer api_key apikey apiKey API-KEY
X-Api-Key x.api.key access_key accessKey private_key signing_key authToken auth_token
access-token refresh_token id_token githubToken GITHUB_TOKEN githubtoken db_password
DB_PASSWORD dbPassword dbpassword PGPASSWORD MYSQL_PWD root_passwd AWS_SECRET_ACCESS_KEY
AWS_SESSION_TOKEN client_secret clientSecret webhook-secret Authorization Proxy-Authorization
Set-Cookie _authToken encryption_key ssh_key
"""


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_these_names_are_secret(name: str) -> None:
    """A word of the name says so, in whichever style it is written."""
    assert is_secret_name(name)


OTHER_NAMES = """
author authors authority co-author AUTHOR monkey keyboard keyword keywords keystroke hotkey
donkey turkey tokenizer tokenize tokens max_tokens maxTokens compass passive bypass passenger
passes spin pinned opinion secretary forget name path file user n x count verbose dry-run
primary_key foreign-key sort_key partition_key public_key group_key cache_key token_file
password-file key_path keyPath token_type token_ttl key_length secret_count password_stdin
password_prompt no-auth no_password cooking accreditation hashing
"""


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_these_names_are_not_secret(name: str) -> None:
    """A word that merely contains one, and names of what is about a secret, are spared."""
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (["--token", SECRET], ["--token", GONE]),
        ([f"--token={SECRET}"], [f"--token={GONE}"]),
        (["--api-key", SECRET, "x"], ["--api-key", GONE, "x"]),
        (["-token", SECRET], ["-token", GONE]),
        ([f"-token={SECRET}"], [f"-token={GONE}"]),
        (["--db_password", "-" + SECRET], ["--db_password", GONE]),
        (["--token", ""], ["--token", GONE]),
        (["--token="], ["--token="]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["--token", "-v", "x"], ["--token", "-v", "x"]),
        (["--token"], ["--token"]),
        (["--password", f"a=b={SECRET}"], ["--password", GONE]),
        ([f"--password=a={SECRET}=="], [f"--password={GONE}"]),
        ([f"DB_PASSWORD={SECRET}"], [f"DB_PASSWORD={GONE}"]),
        (["--author", "me", "--keyboard=us"], ["--author", "me", "--keyboard=us"]),
        (["--max-tokens", "100"], ["--max-tokens", "100"]),
        (["--token-file", "/run/x"], ["--token-file", "/run/x"]),
        (["--no-password", "x"], ["--no-password", "x"]),
        (["token", "list"], ["token", "list"]),
        (["--", "--token", SECRET], ["--", "--token", GONE]),
    ],
)
def test_options_that_name_a_secret_lose_their_value(given_: list[str], kept: list[str]) -> None:
    """The value that follows or is attached with `=` goes; the option itself stays."""
    assert argv(*given_) == kept


def test_empty_arguments_beside_an_empty_secret_stay(home: Home) -> None:
    """An empty secret is none, and does not turn other empty arguments into secrets."""
    assert argv("--token", "", "--name", "")[2:] == ["--name", ""]


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (["-p", SECRET], ["-p", GONE]),
        ([f"-p{SECRET}"], [f"-p{GONE}"]),
        ([f"-p={SECRET}"], [f"-p={GONE}"]),
        (["--door", SECRET], ["--door", GONE]),
        ([f"--door={SECRET}"], [f"--door={GONE}"]),
        (["-x", SECRET[:4]], ["-x", SECRET[:4]]),
        (["-P", "22"], ["-P", "22"]),
        (["--port", "22"], ["--port", "22"]),
        ([f"door={SECRET}"], [f"door={GONE}"]),
    ],
)
def test_what_the_author_declared_is_secret(given_: list[str], kept: list[str]) -> None:
    """A declared option loses its value in every form, its short one with the value attached."""
    assert argv(*given_, names=("-p", "--door")) == kept


def test_a_declared_param_is_secret_under_any_spelling() -> None:
    """Dashes, underscores and capitals do not matter, and the redaction says who said so."""
    redactor = Redactor()
    redactor.declare(["--Door-Code"])
    assert redactor.params({"door_code": "1234", "n": 1}) == {"door_code": GONE, "n": 1}
    assert redactor.redactions == [{"where": "params.door_code", "rule": "declared"}]


@pytest.mark.parametrize("value", [None, True, False, ""])
def test_that_a_secret_was_not_given_is_no_secret(value: Any) -> None:
    """None, the empty text and switches stay as they are."""
    redactor = Redactor()
    assert redactor.params({"token": value}) == {"token": value}
    assert redactor.redactions == []


@pytest.mark.parametrize("value", [SECRET, 12345678, 1.5, [SECRET, "b"], {"a": SECRET}, 0])
def test_a_secret_of_any_type_is_taken_whole(value: Any) -> None:
    """Numbers, lists and objects under a secret name become the one marker."""
    assert Redactor().params({"token": value}) == {"token": GONE}


def test_each_place_is_listed() -> None:
    """`redactions` names where something was and which rule found it."""
    redactor = Redactor()
    redactor.params({"a": {"b": [{"token": SECRET}]}, "url": f"https://me:{SECRET}@h/"})
    redactor.argv(["--token", SECRET, "Bearer abcdefghij0123456789"], "process.argv")
    assert redactor.redactions == [
        {"where": "params.a.b[0].token", "rule": "name"},
        {"where": "params.url", "rule": "value"},
        {"where": "process.argv[1]", "rule": "flag"},
        {"where": "process.argv[2]", "rule": "header"},
    ]


def test_a_secret_that_params_showed_is_taken_out_of_all_that_follows() -> None:
    """What was once a secret is one in the arguments and in the message of an error."""
    redactor = Redactor()
    redactor.params({"password": SECRET, "pins": 7})
    assert redactor.argv(["login", SECRET, f"x{SECRET}y"], "process.argv") == [
        "login",
        GONE,
        f"x{GONE}y",
    ]
    assert redactor.text(f"cannot log in with {SECRET}!", "e") == f"cannot log in with {GONE}!"


def test_a_secret_inside_an_object_is_remembered_too() -> None:
    """The members of an object under a secret name are taken out of what follows."""
    redactor = Redactor()
    redactor.params({"credentials": {"user": "me", "value": SECRET}})
    assert SECRET not in redactor.text(f"cannot log in with {SECRET}", "error.message")


def test_a_secret_that_starts_with_another_is_taken_out_whole() -> None:
    """Of two secrets the longer goes first, so that no tail of it is left."""
    for last in range(20):
        redactor = Redactor()
        redactor.params({"token": [f"abcd{last}", f"abcd{last}-{SECRET}"]})
        assert SECRET not in redactor.text(f"refused: abcd{last}-{SECRET}", "error.message")


def test_an_argument_before_its_option_is_taken_out_too() -> None:
    """A value that an option calls a secret is one wherever it stands on the command line."""
    assert SECRET not in " ".join(argv("login", SECRET, "--token", SECRET))


def fake(*parts: str) -> str:
    return "".join(parts)


BODY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"


@pytest.mark.parametrize(
    "key",
    [
        fake("gh", "p_", BODY),
        fake("gh", "o_", BODY),
        fake("gh", "s_", BODY),
        fake("github", "_pat_", BODY, "_", BODY),
        fake("gl", "pat-", BODY[:20]),
        fake("AK", "IA", "IOSFODNN7EXAMPLE"),
        fake("AS", "IA", "IOSFODNN7EXAMPLE"),
        fake("AI", "za", BODY[:35]),
        fake("xo", "xb-", "123456789012-", BODY[:24]),
        fake("xo", "xp-", "123456789012-", BODY[:24]),
        fake("sk", "_live_", BODY[:24]),
        fake("rk", "_test_", BODY[:24]),
        fake("wh", "sec_", BODY[:32]),
        fake("sk", "-", BODY, BODY[:12]),
        fake("sk", "-proj-", BODY, "_", BODY),
        fake("sk", "-ant-api03-", BODY, "-", BODY),
        fake("py", "pi-", BODY),
        fake("np", "m_", BODY),
        fake("h", "f_", BODY),
        fake("ey", "JhbGciOiJIUzI1NiJ9", ".", "eyJzdWIiOiIxIn0", ".", BODY),
        fake("ey", "JhbGciOiJub25lIn0", ".", "eyJzdWIiOiIxIn0", "."),
        fake("-----BEGIN ", "PRIVATE KEY-----\n", BODY, "\n", BODY, "\n-----END PRIVATE KEY-----"),
        fake("-----BEGIN ", "RSA PRIVATE KEY-----\n", BODY, "\n-----END RSA PRIVATE KEY-----"),
        fake("-----BEGIN ", "OPENSSH PRIVATE KEY-----\n", BODY),
        fake("-----BEGIN ", "ENCRYPTED PRIVATE KEY-----\\n", BODY, "\\n"),
    ],
    ids=lambda key: key[:12].replace("\n", " "),
)
@pytest.mark.parametrize("frame", ["{}", "got {}", 'x("{}")', "a,{};", "https://h/?v={}", "={}"])
def test_keys_are_known_by_their_format(key: str, frame: str) -> None:
    """Keys of well-known services, JWTs and PEM blocks go wherever they stand."""
    kept = text(frame.format(key))
    assert GONE in kept
    assert BODY[:8] not in kept
    assert "IOSFODNN7EXAMPLE" not in kept
    assert kept.startswith(frame.partition("{}")[0])


# What an agent may type; § stands for the secret.
COMMANDS = r"""
curl -H "Authorization: Bearer §" https://x.io
curl -H "authorization: token §" https://x.io
curl -HAuthorization:\ token\ § https://x.io
curl -H 'X-Api-Key: §' https://x.io
curl -H 'PRIVATE-TOKEN: §' https://gitlab.com
curl -H 'Cookie: sid=§; theme=dark' https://x.io
curl -H 'Proxy-Authorization: Basic §' https://x.io
curl -d '{"username":"a","password":"§"}' https://x.io
curl -d '{"username": "a", "password": "§"}' https://x.io
curl --data-raw '{"auth":{"token":"§"}}' https://x.io
curl --json '{"password":"ab\"§"}' https://x.io
curl --json '{"client_secret":{"value":"§"}}' https://x.io
curl --json '{"client_secret":["a","§"]}' https://x.io
curl -d 'grant_type=x&client_secret=§&scope=y' https://x.io
curl 'https://x.io/?access_token=§&x=1'
curl 'https://x.io/?api_key=§'
curl 'https://x.io/a/b?x=1&api_key=§'
curl 'https://x.io/#access_token=§'
curl 'http://localhost:8080/?token=§'
curl --oauth2-bearer § https://x.io
wget --http-password=§ https://x.io
wget --header="Authorization: Bearer §" https://x.io
wget --header='X-Auth-Token: §' https://x.io
http GET x.io 'Authorization:Bearer §'
http GET x.io X-API-Key:§
http POST x.io password=§
http POST x.io password:='"§"'
docker run -e DB_PASSWORD=§ img
docker run --env DB_PASSWORD=§ img
docker run --env=DB_PASSWORD=§ img
docker login --username me --password § reg.io
docker build --build-arg NPM_TOKEN=§ .
docker build --build-arg=NPM_TOKEN=§ .
git clone https://me:§@github.com/x/y
git clone https://x-access-token:§@github.com/x/y
git remote set-url origin https://oauth2:§@gitlab.com/x.git
git -c http.extraHeader='Authorization: Basic §' fetch
psql postgresql://me:§@db:5432/x
psql 'host=db user=me password=§ dbname=x'
pg_dump "dbname=x password='§'"
env PGPASSWORD=§ psql
env MYSQL_PWD=§ mysql
mysql --password=§ db
redis-cli -u redis://:§@h:6379
mongosh 'mongodb+srv://u:§@h/x?y=1'
celery -b amqp://u:§@h:5672/
kubectl --token § get pods
kubectl --token=§ get pods
kubectl create secret generic x --from-literal=password=§
kubectl create secret generic x --from-literal password=§
helm install x --set auth.password=§
helm install x --set=auth.password=§
helm install x --set db.user=me,db.rootPassword=§
terraform apply -var db_password=§
terraform apply -var='db_password=§'
ansible-playbook -e "db_password=§" x.yml
ansible-playbook -e '{"db_password": "§"}' x.yml
ansible-playbook --extra-vars=ansible_password=§ x.yml
vault kv put secret/x password=§
vault login token=§
aws configure set aws_secret_access_key=§
rclone --s3-secret-access-key § ls
az storage blob list --account-key §
az x --connection-string "Protocol=https;AccountName=a;AccountKey=§;Suffix=x"
npm config set //registry.npmjs.org/:_authToken=§
pip install --index-url https://__token__:§@pypi.org/simple x
heroku config:set SECRET_KEY=§
heroku config:set DATABASE_URL=postgres://u:§@h/d
stripe --api-key § listen
java -Ddb.password=§ -jar x.jar
make deploy TOKEN=§
sh -c 'export TOKEN=§; run'
bash -c 'API_KEY=§ ./run'
bash -c "curl -H 'X-Api-Key: §' https://x.io"
bash -c 'curl -H "Authorization: Bearer §" https://x.io'
bash -c 'tool --api-token=§ --x'
bash -c 'tool --api-token § --x'
bash -c 'tool --password "§" --x'
ssh me@h 'export DB_PASSWORD="§"; run'
python -c 'password="§"; connect(password)'
python -c "connect(password='§')"
python -c "d = {'password': '§'}"
python -c 'os.environ["API_KEY"]="§"'
python -c 'requests.get(u, headers={"X-Api-Key": "§"})'
sqlcmd 'Server=x;User Id=a;Password=§;'
tool 'Pwd=§;Uid=x'
tool 'jdbc:mysql://h/d?user=a&password=§'
tool '{\"password\":\"§\"}'
tool 'aws_session_token = §'
tool 'password: §'
tool --config 'log=debug,password=§'
echo 'DB_PASSWORD="§ with more" X=1'
""".strip().splitlines()


@pytest.mark.parametrize("command", COMMANDS)
def test_no_secret_of_a_command_line_is_kept(command: str) -> None:
    """Whatever way a command is given its secret, the log does not get it; the program stays."""
    given_ = [argument.replace("§", SECRET) for argument in shlex.split(command)]
    assert SECRET in " ".join(given_)
    kept = argv(*given_)
    assert SECRET not in " ".join(kept)
    assert kept[0] == given_[0]
    assert len(kept) == len(given_)


HARMLESS = r"""
git log --author=me
git log --author me
git commit -m "fix: token refresh"
git commit -m "auth: add login"
git commit -m "Basic authentication works again"
git commit -m "bearer tokens are now checked"
sort -k 2
ssh -p 22 host
ssh -i ~/.ssh/key.pem host
mkdir -p a/b
grep -r token src/
grep -rn "password" src/
pytest -k auth
pytest -k "auth and not token"
cat keyboard.txt
cat /etc/passwd
make passwordless
jq .key f
jq '.token' f
jq '{key: .a, value: .b}' f
gh auth status
gh pr list --author @me
gcloud auth list
kubectl get secrets
kubectl get secret x -o yaml
kubectl describe secret/x
vault kv get secret/foo
llm --max-tokens 100
llm keys list
ssh-keygen -t ed25519 -f key
tool --tokenizer=bert --compass north --monkey 3
tool --token-file /run/x --password-stdin --key-path k
tool --primary-key id --sort-key=name --public-key k.pub --cache-key=abc
tool --dry-run --no-password x
python -c "print(d['key'])"
python -c "for key in d: print(key)"
python -c "sorted(x, key=len)"
python -c "assert password"
sh -c 'tool --token "$TOKEN"'
http https://user@host/x
git clone ssh://git@github.com/a/b
git clone git@github.com:a/b
curl https://x.io/@me
npm i https://x.io/@scope/y
ls task-management-for-the-people ask-me-anything
echo 'error: KeyError: x'
echo 'note: the key: is here'
echo 'press any key: now'
echo 'Tokens: 512, input_tokens: 512, prompt_tokens=5'
find . -name '*token*' -o -name '*.key'
sed -i 's/token/jwt/' f
awk -F: '{print $1}' /etc/passwd
docker run -v /a:/b -w /c -p 80:80 -e PATH=/bin x
curl 'https://x.io/?page=2&sort=name#top'
""".strip().splitlines()


@pytest.mark.parametrize("command", HARMLESS)
def test_a_command_line_without_a_secret_is_kept_as_it_is(command: str) -> None:
    """A log full of markers where there was no secret is of no use."""
    given_ = shlex.split(command)
    assert argv(*given_) == given_


@given(secrets, secret_names, carriers, prose, prose)
def test_a_planted_secret_is_never_in_the_output(
    secret: str, name: str, carrier: str, before: str, after: str
) -> None:
    """Under a name, in a header, a URL, JSON, code or a shell line: none of it comes through."""
    planted = carrier.format(name=name, secret=secret)
    for shape in (planted, f"{before} {planted}", f"{before}\n{planted}\n{after}"):
        assert secret not in text(shape)
        assert secret not in json.dumps(argv("tool", shape))
        assert secret not in json.dumps(Redactor().params({"note": [{"text": shape}]}))


@given(secrets, secret_names, st.lists(st.one_of(plain_names, st.just(0)), max_size=8), json_values)
def test_a_planted_secret_is_found_at_any_depth(
    secret: str, name: str, way: list[Any], beside: Any
) -> None:
    """However deep it is, what is under a secret name is not written, nor repeated later."""
    value: Any = {name: secret, "beside": beside}
    for step in way:
        value = [beside, value] if step == 0 else {step: value, "other": secret + "!"}
    redactor = Redactor()
    redactor.params({"deep": value})  # what comes before the secret's name may not know it yet
    kept = redactor.params({"deep": value})
    assert secret not in json.dumps(kept)
    assert secret not in redactor.text(f"failed with {secret}.", "error.message")


@given(secrets, secret_names, st.lists(clean_text, max_size=3))
def test_a_planted_secret_is_found_on_a_command_line(
    secret: str, name: str, others: list[str]
) -> None:
    """An option with a secret's name loses its value, wherever it stands."""
    option = "--" + name.replace("_", "-")
    for given_ in ([option, secret], [f"{option}={secret}"], [f"{name}={secret}"]):
        kept = argv("tool", *others, "--", *given_)
        assert secret not in " ".join(kept)


@given(python_values)
def test_redacting_twice_is_redacting_once(value: Any) -> None:
    """Params that were redacted are unchanged by a second pass."""
    once = Redactor().params({"value": value, "token": value})
    assert Redactor().params(once) == once


@given(
    st.one_of(
        wild_text,
        st.builds(
            lambda *parts: "".join(parts),
            prose,
            st.builds(
                lambda carrier, name, secret: carrier.format(name=name, secret=secret),
                carriers,
                secret_names,
                st.one_of(secrets, prose, st.just(GONE), st.just(f'"{GONE}"')),
            ),
            prose,
        ),
        st.text(alphabet=" \"'\\:=/@-,;&{}[]abkeytoken[REDACTED]Bearer", max_size=80),
    )
)
def test_text_that_was_redacted_is_settled(value: str) -> None:
    """A second pass over text or arguments finds nothing more to take out."""
    once = text(value)
    assert text(once) == once
    value = value.lstrip("-")  # an option is not taken for the value of the one before it
    arguments = argv("tool", value, "--token", value, "end")
    assert argv(*arguments) == arguments


@given(prose)
def test_text_without_secrets_is_unchanged(value: str) -> None:
    """Ordinary words, options, numbers, quotes and addresses come through as they were."""
    assert text(value) == value
    assert argv("tool", *value.split()) == ["tool", *value.split()]


@given(json_values)
def test_values_without_text_are_unchanged(value: Any) -> None:
    """Numbers, switches and the shape of an object are as they were."""

    def numbers(item: Any) -> Any:
        if isinstance(item, str):
            return len(item)
        if isinstance(item, list):
            return [numbers(one) for one in item]
        if isinstance(item, dict):
            return {f"n{place}": numbers(one) for place, one in enumerate(item.values())}
        return item

    value = numbers(value)
    assert json.dumps(Redactor().params({"value": value})["value"])[:50] == json.dumps(value)[:50]


ADVERSARIAL = {
    "userinfo": "'a://' + 'b' * (4 * n)",
    "userinfo and password": "'a://b:' + 'c' * n",
    "many schemes": "'a://b:c' * (n // 7)",
    "JWT without end": "'-eyJaaaa' * (n // 8)",
    "JWT with dots": "'eyJaaaaa.' * (n // 9)",
    "assignments": """'a="' * (n // 3) + 'token'""",
    "open quotes": """'token="' * (n // 7)""",
    "backslashes": """'token="' + chr(92) * n""",
    "escaped quotes": """('token=' + chr(92) + '"') * (n // 8)""",
    "headers": "'cookie:' * (n // 7)",
    "PEM beginnings": "'-----BEGIN PRIVATE KEY-----' * (n // 27)",
    "half PEM beginnings": "'-----BEGIN ' * (n // 11)",
    "bearer": "'Bearer ' * (n // 7)",
    "blanks": "'token' + ' ' * n + '='",
    "one long name": "'a' * n + '_token=x'",
    "dashes": "'token-' * (n // 6) + '=x'",
    "keys": "'sk-' * (n // 3)",
    "braces": "'secret:{' * (n // 8)",
    "brackets": "'secret:[' * (n // 8)",
    "redacted": "'password=[REDACTED]' * (n // 19)",
}


@pytest.mark.parametrize("made", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_adversarial_text_of_1_mb_ends(home: Home, made: str) -> None:
    """No pattern takes more than linear time: text from outside cannot hang the tool."""
    code = f"from tooltrail.redact import Redactor; n = 1_000_000; Redactor().text({made}, 'x')"
    subprocess.run([PYTHON, "-c", code], timeout=30, check=True, env=home.environment())


def test_text_is_cut_at_what_a_line_may_hold() -> None:
    """A longer text keeps its beginning, and ends in its length and a digest."""
    kept = text("x" * 200_000)
    assert kept.startswith("x" * 131_072 + "...[200000 characters, sha256:")
    assert len(kept) < 131_200
    assert text("x" * 131_072) == "x" * 131_072


def test_a_secret_at_the_cut_is_not_cut_in_two() -> None:
    """Secrets go before the text is cut, so that no first half of one is left."""
    for start in range(131_050, 131_080):
        assert SECRET[:6] not in text("x" * start + f" password={SECRET} and more" + "y" * 100)


def test_what_is_not_utf8_is_escaped() -> None:
    """Bytes that are no text become text that every reader of JSON takes."""
    assert argv("caf\udce9", "--token", "th\udce9") == ["caf\\xe9", "--token", GONE]
    assert Redactor().params({"a\udce9": "b\udce9"}) == {"a\\xe9": "b\\xe9"}


def test_no_secret_is_in_the_log_of_a_real_call(home: Home) -> None:
    """The wrapped command gets its secrets; no line of the log has one, in params or in argv."""
    commands = [shlex.split(command.replace("§", SECRET)) for command in COMMANDS[:12]]
    for command in commands:
        done = home.tooltrail("run", "--", "printf", "%s ", *command)
        assert SECRET in done.stdout
    assert SECRET.encode() not in home.log("tooltrail").read_bytes()


def test_the_first_look_misses_nothing_that_the_engine_knows() -> None:
    """Every mark without which no rule applies is one of the marks of the first look."""
    known = (*_names.SECRET_WORDS, *_names.SECRET_ENDINGS, *_names._STRICT)
    assert all(any(mark in text for mark in redact._MARKS) for text in known)


def test_new_names_and_formats_are_known() -> None:
    """Plurals, signatures, and the keys of a few more services."""
    for argument in ("--api-keys=Sx1", "https://h/x?sig=Sx1", "Server=h;Pwd=Sx1;",
                     "DB_PASS = Sx1", "dckr_pat_" + "Sx1" * 9, "glrt-" + "Sx1" * 9,
                     "https://hooks.slack.com/services/T0/B0/Sx1"):  # fmt: skip
        assert "Sx1" not in " ".join(argv("tool", argument))
    for argument in ("--max-tokens=5", "keys=5", "--sort-keys", "design=5", "PWD=/srv"):
        assert argv("tool", argument) == ["tool", argument]


def test_a_secret_number_of_any_size_is_taken_out() -> None:
    """A number that is too long for `str` stops nothing."""
    assert Redactor().params({"token": 10**5000, "n": 10**5000})["token"] == GONE
