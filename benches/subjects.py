"""Who is measured: Doorward's functions, and what they stand beside."""

import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import routes
from lambda_function import Function, Process
from routes import form, get
from store import PASSWORD, Refused

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
TOOLS = PROJECT / "target" / "tools" / "benches"
SECRET_KEY = secrets.token_hex(32)


def install():
    """Puts the pinned peers into target/tools/benches, unless they are there already."""
    for name, wanted in [("fastapi", HERE / "peers" / "fastapi" / "requirements.txt"), ("report", HERE / "requirements.txt")]:
        python, stamp = TOOLS / name, TOOLS / name / "requirements.txt"
        if stamp.exists() and stamp.read_text() == wanted.read_text():
            continue
        subprocess.run([sys.executable, "-m", "venv", python], check=True)
        pip = [python / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", wanted]
        subprocess.run(pip, check=True)
        # Last, so that an install that broke off is done again.
        shutil.copy(wanted, stamp)
    # Node finds modules beside the file that asks for them.
    node = TOOLS / "openauth"
    shutil.copytree(HERE / "peers" / "openauth", node, dirs_exist_ok=True)
    lock = node / "node_modules" / "package-lock.json"
    if not lock.exists() or lock.read_text() != (node / "package-lock.json").read_text():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=node, check=True)
        shutil.copy(node / "package-lock.json", lock)


class Bare:
    """A program that does one thing for each line that it is given."""

    def __init__(self, command, word):
        self._word = word.encode() + b"\n"
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def call(self):
        sent = time.perf_counter_ns()
        self._program.stdin.write(self._word)
        if not self._program.stdout.readline():
            raise Refused("a bare program ended")
        return time.perf_counter_ns() - sent

    def cpu(self):
        return Process.cpu(self._program)

    def prepare(self, calls):
        pass

    def idle(self):
        pass

    def stop(self):
        self._program.kill()
        self._program.wait()


class Caller:
    """A function together with what it is asked, one request after the other."""

    def __init__(self, requests, status, *function, chained=False):
        self._requests, self._status, self._chained = requests, status, chained
        # What prepares the first request is done before the function starts: its clock runs from there.
        self._ready = [next(requests)]
        self._function = function = Function(*function)
        self.cpu, self.idle, self.memory, self.stop = function.cpu, function.idle, function.memory, function.stop
        self.log = function.log

    def prepare(self, calls):
        """Makes so many requests ahead, so that a function is not measured in the pauses that making them takes."""
        while not self._chained and len(self._ready) < calls:
            self._ready.append(next(self._requests))

    def call(self):
        """Calls once; the time until the answer."""
        self.prepare(1)
        call = self._function.call(self._ready.pop(0))
        self._expect(call)
        if self._chained:
            self._ready.append(self._requests.send(call))
        return call.wall

    def first_call(self):
        call, wall, cpu = self._function.first_call(self._ready.pop(0))
        self._expect(call)
        return wall, cpu

    def _expect(self, call):
        # An authorizer's answer has no status: it is the answer itself.
        if self._status is not None and call.status != self._status:
            raise Refused(f"{self._function.name}: {call.status} {call.body}")


class Cast:
    """Starts them, each in a process of its own."""

    def __init__(self, functions, benches, worlds, logs):
        self._functions, self._benches, self._worlds, self._logs = functions, benches, worlds, logs
        self._world = worlds["RS256"]
        self._make_tables(self._world.store)

    def _make_tables(self, store):
        def table(name, *keys):
            attributes = [{"AttributeName": key, "AttributeType": "S"} for key in keys]
            kinds = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"))]
            pay = "PAY_PER_REQUEST"
            store.dynamo(
                "CreateTable", TableName=name, AttributeDefinitions=attributes, KeySchema=kinds, BillingMode=pay
            )

        table("peer-users", "username")
        table("peer-revoked", "token")
        table("peer-openauth", "pk", "sk")

    def doorward(self, name, algorithm="RS256", endpoint=None):
        """A route of Doorward in a function of its own."""
        route, world = routes.BY_NAME[name], self._worlds[algorithm]
        command = [self._functions / route.function / "bootstrap"]
        environment = world.store.environment(endpoint)
        function = (route.function, command, environment, self._logs)
        return Caller(route.requests(world), route.status, *function, chained=route.chained)

    def empty(self):
        return Caller(routes.again(get("/")), 200, "empty", [self._benches / "empty" / "bootstrap"], {}, self._logs)

    def get_item(self, endpoint=None):
        store, table = self._world.store, "doorward-users"
        (key,) = store.keys(table)
        environment = store.environment(endpoint) | {"TABLE": table, "KEY": key, "ID": self._world.ann_id}
        command = [self._benches / "get-item" / "bootstrap"]
        return Caller(routes.again(get("/")), 200, "get-item", command, environment, self._logs)

    def bare(self, word):
        return Bare([self._benches / "bare" / "bootstrap"], word)

    def libargon2(self):
        return Bare([TOOLS / "fastapi" / "bin" / "python", HERE / "peers" / "fastapi" / "libargon2.py"], "hash")

    def fastapi(self, route, store="dynamodb", hash="bcrypt", endpoint=None):
        """The tutorials' app: `me` or `token`."""
        python = TOOLS / "fastapi" / "bin" / "python"
        environment = self._world.store.environment(endpoint) | {
            "STORE": store,
            "HASH": hash,
            "SECRET_KEY": SECRET_KEY,
            "HASHED_PASSWORD": self._hashed(hash),
            "USERNAME": hash,
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(HERE / "peers" / "fastapi"),
            "LAMBDA_TASK_ROOT": str(HERE / "peers" / "fastapi"),
        }
        command = [python, "-B", "-m", "awslambdaric", "app.handler"]
        asked = {
            "me": lambda: get("/users/me", self._fastapi_token(hash)),
            "token": lambda: form("/token", {"username": hash, "password": PASSWORD}),
        }[route]()
        return Caller(routes.again(asked), 200, f"fastapi-{store}-{hash}", command, environment, self._logs)

    def _hashed(self, hash):
        """The hash of the peer's user, who is called after it, also put into the peer's table."""
        making = {
            "bcrypt": "import bcrypt; print(bcrypt.hashpw(b'%s', bcrypt.gensalt(12)).decode())",
            "argon2": "import argon2; print(argon2.PasswordHasher(2, 19456, 1).hash('%s'))",
        }
        python = TOOLS / "fastapi" / "bin" / "python"
        hashed = subprocess.check_output([python, "-c", making[hash] % PASSWORD], text=True).strip()
        user = {"username": hash, "email": "ann@example.com", "full_name": "Ann", "hashed_password": hashed}
        item = {name: {"S": value} for name, value in user.items()} | {"disabled": {"BOOL": False}}
        self._world.store.dynamo("PutItem", TableName="peer-users", Item=item)
        return hashed

    def _fastapi_token(self, name):
        python = TOOLS / "fastapi" / "bin" / "python"
        making = "import jwt, time; print(jwt.encode({'sub': '%s', 'exp': int(time.time()) + 86400}, '%s', 'HS256'))"
        return subprocess.check_output([python, "-c", making % (name, SECRET_KEY)], text=True).strip()

    def openauth(self, endpoint=None):
        """OpenAuth's refresh."""
        environment = self._world.store.environment(endpoint)
        command = ["node", TOOLS / "openauth" / "runtime.js"]
        return Caller(openauth_refreshes(), 200, "openauth", command, environment, self._logs, chained=True)


def openauth_refreshes():
    log_in = {"grant_type": "client_credentials", "provider": "program", "client_id": "ann", "client_secret": "-"}
    call = yield form("/token", log_in)
    while True:
        token = call.json()["refresh_token"]
        call = yield form("/token", {"grant_type": "refresh_token", "refresh_token": token})
