"""The embedded DynamoDB in a process of its own, and what calls to it cost."""

import atexit
import http.client
import json
import os
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ISSUER = "https://auth.example.com"
PASSWORD = "correct horse battery staple"
READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}


class Refused(Exception):
    """Something that prepares a measurement was refused."""


class Store:
    """A local Doorward: its DynamoDB for the functions, its API and its commands for what prepares a measurement."""

    def __init__(self, program, folder, algorithm="RS256"):
        self.folder = folder
        folder.mkdir(parents=True)
        self._program = program
        # What is configured for the functions; the limits stay as they are by default.
        self.configuration = {
            "DOORWARD_ISSUER": ISSUER,
            "DOORWARD_KEY_FILE": str(folder / "keys"),
            "DOORWARD_DEFAULT_SCOPES": "read:items write:items introspect:tokens",
            "DOORWARD_SIGNING_ALG": algorithm,
            # What was prepared at the start is good until the end.
            "DOORWARD_ACCESS_TTL": "86400",
        }
        limits = {"DOORWARD_LOGIN_RATE": "off", "DOORWARD_SIGN_UP_RATE": "off", "RUST_LOG": "error"}
        command = [program, "--ephemeral", "--listen", "127.0.0.1:0", "--dynamodb", "127.0.0.1:0"]
        self._environment = os.environ | self.configuration | limits
        with open(folder / "server.log", "w") as log:
            self.server = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment, cwd=folder
            )
        # However this ends, no server is left.
        atexit.register(self.server.kill)
        said = [self.server.stdout.readline().strip() for _ in range(3)]
        if not said[2].startswith("listening on "):
            raise Refused((folder / "server.log").read_text())
        self.admin_password = said[0].rsplit(" ", 1)[1]
        self.dynamodb = said[1].rsplit(" ", 1)[1]
        self.api = said[2].rsplit(" ", 1)[1]

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def environment(self, endpoint=None):
        """What a function finds in its environment, with DynamoDB at `endpoint` or directly."""
        return self.configuration | {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint or self.dynamodb,
        }

    def call(self, method, path, token=None, body=None, form=None):
        """Calls the API; what it says."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        if path == "/2fa/setup":
            headers["Accept"] = "application/json"
        request = urllib.request.Request(self.api + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(said) if said else None

    def log_in(self, name, password=PASSWORD):
        return self.call("POST", "/token", form={"username": name, "password": password})

    def newcomer(self, name):
        """Somebody who has signed up and logged in."""
        email = f"{name}@example.com"
        self.call("POST", "/users", body={"username": name, "email": email, "password": PASSWORD})
        return self.log_in(name)

    def command(self, *arguments, text=None):
        """Runs an operator's command on this store."""
        command = [self._program, "--dynamodb-endpoint", self.dynamodb, "--data", self.folder / "data", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, env=self._environment)
        if done.returncode != 0:
            raise Refused(done.stderr)

    def dynamo(self, operation, **arguments):
        """Asks DynamoDB itself."""
        return dynamo(self.dynamodb, operation, json.dumps(arguments).encode())

    def keys(self, table):
        """The names of the attributes that are the key of a table."""
        return [key["AttributeName"] for key in self.dynamo("DescribeTable", TableName=table)["Table"]["KeySchema"]]


SIGNED = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=00",
    "X-Amz-Date": "20260101T000000Z",
}


def dynamo(endpoint, operation, body):
    headers = SIGNED | {"X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, body, headers)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(f"{operation}: {error.read().decode()}") from error


class Meter:
    """Stands before DynamoDB, passes everything on, and writes down what each call consumed."""

    def __init__(self, dynamodb):
        behind = urllib.parse.urlsplit(dynamodb).netloc
        meter = self
        self.calls = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet.
            wbufsize = -1

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                if operation != "DescribeTable":
                    body["ReturnConsumedCapacity"] = "TOTAL"
                connection = http.client.HTTPConnection(behind)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
                connection.request("POST", "/", json.dumps(body), headers)
                answer = connection.getresponse()
                said = answer.read()
                connection.close()
                meter._note(operation, body, json.loads(said), answer.status)
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = "http://127.0.0.1:%d" % self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _note(self, operation, asked, said, status):
        consumed = said.get("ConsumedCapacity", [])
        consumed = consumed if isinstance(consumed, list) else [consumed]
        units = sum(table["CapacityUnits"] for table in consumed)
        # A condition that does not hold costs a write, of which nothing is said. The items are smaller than a unit.
        if status == 400 and operation not in READS:
            units = 2 * len(asked["TransactItems"]) if operation == "TransactWriteItems" else 1
        self.calls.append((operation, 0 if operation in READS else units, units if operation in READS else 0))

    def take(self):
        """The calls since the last look: names, units written and units read."""
        calls, self.calls = self.calls, []
        return {
            "calls": sorted(name for name, _, _ in calls),
            "written": sum(written for _, written, _ in calls),
            "read": sum(read for _, _, read in calls),
        }

    def stop(self):
        self._server.shutdown()
