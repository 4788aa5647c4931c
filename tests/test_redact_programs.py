"""Flags that mean a secret in one program only, and the same flags where they mean none."""

import shlex

import pytest

from tooltrail import _programs, redact
from tooltrail.redact import Redactor

SECRET = "Zx9Q7w3Kt5Vb2Nn8"
GONE = "[REDACTED]"

SECRETS = r"""
mysql -u root -p§ db
mysql -uroot -p§
mysqldump --password=§ db
mariadb -p§
/usr/bin/mysql -p§
sudo mysql -p§
sudo -u me /usr/local/bin/mysql -p§
env A=b mysql -p§
nohup time mysql -p§
timeout 5 mysqldump -p§ db
xargs -n1 mysql -p§
docker exec -it db mysql -uroot -p§
docker compose exec db mysqldump -p§
kubectl exec pod -- mysql -p§
ssh host mysql -p§
ssh host 'mysql -p§ db < x'
sh -c 'mysql -p§ db'
bash -lc 'cd /x && mysql -uroot -p§ db | gzip'
bash -c "mysql -p'§' db"
bash -c 'echo a; /usr/bin/curl -sSu me:§ x.io'
curl -u me:§ x.io
curl -ume:§ x.io
curl -sSLu me:§ x.io
curl --user me:§ x.io
curl --user=me:§ x.io
curl -U me:§ -x http://p:3128 x.io
curl --proxy-user me:§ x.io
curl -x me:§@proxy:3128 x.io
curl --oauth2-bearer § x.io
curl -b sid=§ x.io
curl --cookie 'sid=§; a=b' x.io
curl -d password=§ x.io
curl --data-urlencode 'password=§' x.io
curl -F token=§ x.io
curl -E cert.pem:§ x.io
curl --pass § x.io
sshpass -p § ssh host
sshpass -p§ ssh host
sshpass -vp § ssh host
docker login -u me -p § reg.io
docker login -p§ reg.io
podman login -p § reg.io
helm registry login -p § reg.io
az login -u me -p §
redis-cli -h x -a § ping
redis-cli --pass § ping
openssl rsa -in k -passin pass:§ -out x
openssl enc -aes-256-cbc -k § -in x
openssl dgst -hmac § x
openssl pkcs12 -export -passout pass:§
ldapsearch -x -D cn=a -w § -b dc=x
ldapsearch -xw § -b dc=x
smbclient -U me%§ //h/s
smbclient --user=me%§ //h/s
http -a me:§ x.io
https --auth=me:§ x.io
http -A bearer -a § x.io
http --auth-type=bearer --auth=§ x.io
mongosh -u me -p § h
sqlcmd -S h -U sa -P §
zip -P § a.zip f
7z a -p§ a.7z f
lftp -u me,§ ftp.x.io
plink -pw § host
snmpwalk -v2c -c § h
doctl -t § account get
gh secret set NAME --body §
gh secret set NAME -b §
kubectl create secret generic x --from-literal=what=§
kubectl create secret generic mysql --from-literal what=§
vault kv put secret/x what=§
aws configure set aws_secret_access_key §
aws secretsmanager create-secret --secret-string §
aws ssm put-parameter --name n --type SecureString --value §
az keyvault secret set --name n --value §
npm config set //registry.npmjs.org/:_authToken §
fly secrets set WHATEVER=§
PGPASSWORD=§ psql
env MYSQL_PWD=§ mysql
sudo AWS_SECRET_ACCESS_KEY=§ aws s3 ls
docker run -e NAME_TOKEN=§ img
wget --password=§ ftp://x.io
wget --http-password § https://x.io
git -c http.extraHeader='Authorization: Basic §' fetch
psql 'postgres://me:§@h/d'
pg_dump --dbname=postgresql://me:§@h/d
ssh-keygen -t ed25519 -N § -f key
tooltrail run -- mysql -p§
""".strip().splitlines()


@pytest.mark.parametrize("command", SECRETS)
def test_a_program_s_own_flag_loses_its_secret(command: str) -> None:
    """The program is known by its base name, also where another program runs it."""
    given = [argument.replace("§", SECRET) for argument in shlex.split(command)]
    redactor = Redactor()
    kept = redactor.argv(given, "process.argv")
    assert SECRET not in " ".join(kept)
    assert " ".join(kept) == " ".join(given).replace(SECRET, GONE) or (
        "uthorization" in command or "sid=" in command  # a header and a cookie go whole
    )
    assert SECRET not in str(Redactor().params({"argv": given}))
    assert len(redactor.redactions) == 1


@pytest.mark.parametrize("command", SECRETS)
def test_a_message_that_quotes_the_command_loses_it_too(command: str) -> None:
    """As a shell line, and as the list that `subprocess` puts into its errors."""
    given = [argument.replace("§", SECRET) for argument in shlex.split(command)]
    if command.startswith(("npm", "aws configure", "vault", "fly")):
        return  # their secrets are positional: in prose nothing tells them
    for message in (
        f"cannot run {command.replace('§', SECRET)}",
        f"Command {given!r} returned non-zero exit status 1.",
    ):
        assert SECRET not in Redactor().text(message, "error.message"), message


HARMLESS = r"""
mkdir -p a/b
ssh -p 22 host
ssh -p2222 host
docker run -p 80:80 img
docker run -p8080:80 mysql
docker run --name mysql -p 3306:3306 mysql:8
docker exec -u root db sh
cp -p a b
tar -u -f x.tar a
tar -xpf x.tar
python -u x
sort -u -k 2 f
sort --key 2 f
sort --key=1.3n,1.5 f
mysql -u root -p db
mysql --password db
mysql -P 3306 -h x
curl -u me x.io
curl -b cookies.txt -c cookies.txt x.io
curl --key host.key --cert host.pem x.io
curl -o user x.io
curl -X PUT x.io
openssl x509 -key server.key -in a
openssl rsa -passin env:PASS -in k
openssl rsa -passin file:/run/p
redis-cli -h a
http GET x.io a==b
git push -u origin main
grep -u x f
grep -r 'mysql' -p x
ps -p 1
kill -p 1
nc -u host 53
useradd -u 1000 me
sudo -u postgres ls
rsync -a a b
ls -a
npm install -w pkg
kubectl apply -f x -p y
kubectl create configmap x --from-literal=a=b
vault kv get secret/x
tool get --key name
tool --auth basic --auth-type x --auth-url https://x.io --token-env GH --secret-name n
tool --key /etc/ssl/host.pem
ansible-playbook --ask-become-pass site.yml
aws s3 cp a s3://b --sse aws:kms
terraform apply -var region=x
pip install -U x
7z x a.7z -aoa
zip -r a.zip f
gh pr create -b text
""".strip().splitlines()


@pytest.mark.parametrize("command", HARMLESS)
def test_the_same_letters_elsewhere_mean_no_secret(command: str) -> None:
    """A port, a path, a user: nothing is taken out of them."""
    given = shlex.split(command)
    redactor = Redactor()
    assert redactor.argv(given, "process.argv") == given
    assert redactor.redactions == []


def test_a_secret_program_wide_is_found_where_argv_does_not_name_it() -> None:
    """`program` says whose flags they are, where the first argument is a script's path."""
    redactor = Redactor(program="mysql")
    assert redactor.argv(["/x/__main__.py", f"-p{SECRET}"], "argv")[1] == f"-p{GONE}"


def test_the_first_look_knows_every_program_that_no_mark_reveals() -> None:
    """A program of the table is named in the first look, or its flags bear a mark."""
    marked = {"docker", "podman", "nerdctl", "buildah", "skopeo", "oras", "crane", "regctl", "cf",
              "oc", "ibmcloud", "helm", "az", "glab", "gh", "kubectl", "vault", "bao", "aws", "fly",
              "flyctl", "wrangler", "npm", "pnpm", "yarn", "pip", "pip3", "poetry", "composer",
              "git", "sort"}  # fmt: skip
    announced = {"login", "put", "patch", "write", "put-parameter"}
    assert redact._PROGRAMS - announced == set(_programs.PROGRAMS) - marked
    for command in SECRETS:
        given = [argument.replace("§", "x7") for argument in shlex.split(command)]
        redactor = Redactor()
        redactor.argv(given, "argv")
        assert redactor._engine is not None, command
