"""The real server as a child process, on a store that is gone with it."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from contextlib import contextmanager

PASSWORD = "correct horse battery staple"


@contextmanager
def service(**variables):
    """Starts a server with those variables, and gives its address and the password of its admin."""
    options = ["--ephemeral", "--listen", "127.0.0.1:0", "--dynamodb", "127.0.0.1:0"]
    os.makedirs("target", exist_ok=True)
    with open("target/service.log", "w") as log:
        # On Unix, Cargo becomes the server.
        server = subprocess.Popen(
            ["cargo", "run", "--quiet", "--", *options],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            for line in server.stdout:
                if line.startswith("created user admin with password "):
                    password = line.split()[-1]
                if line.startswith("listening on "):
                    yield line.removeprefix("listening on ").strip(), password
                    break
            else:
                raise SystemExit("the server did not start: see target/service.log")
        finally:
            server.terminate()
            server.wait()


def call(method, url, body=None, token=None, form=False):
    """Calls the API, and gives the JSON that it answers."""
    data, headers = None, {}
    if body is not None:
        data = urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def sign_up(base, name):
    """Somebody new, who logs in with PASSWORD."""
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD, "full_name": name.title()}
    return call("POST", f"{base}/users", body)


def log_in(base, name, password):
    """Somebody's access token."""
    return call("POST", f"{base}/token", {"username": name, "password": password}, form=True)["access_token"]
