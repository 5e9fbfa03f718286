"""Every route of Doorward as API Gateway calls its function, with what has to be there before."""

import base64
import hashlib
import hmac
import itertools
import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from store import PASSWORD


def event(method, path, headers=None, body=None, address="192.0.2.1"):
    """API Gateway's payload 2.0."""
    return json.dumps(
        {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"host": "auth.example.com", "user-agent": "bench", "accept": "*/*"} | (headers or {}),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abcdef1234",
                "domainName": "auth.example.com",
                "domainPrefix": "auth",
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": address,
                    "userAgent": "bench",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "10/Mar/2026:05:16:23 +0000",
                "timeEpoch": 1773119783390,
            },
            "body": body,
            "isBase64Encoded": False,
        }
    ).encode()


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def get(path, token=None, **headers):
    return event("GET", path, (bearer(token) if token else {}) | headers)


def send(method, path, body, token=None, address="192.0.2.1"):
    headers = {"content-type": "application/json"} | (bearer(token) if token else {})
    return event(method, path, headers, json.dumps(body), address)


def form(path, fields, address="192.0.2.1", **headers):
    headers = {"content-type": "application/x-www-form-urlencoded"} | headers
    return event("POST", path, headers, urlencode(fields), address)


def again(one):
    """The same request, over and over."""
    while True:
        yield one


# So that no limit of an address is reached: everybody comes from an address of their own.
ADDRESSES = (f"10.{a}.{b}.{c}" for a, b, c in itertools.product(range(256), repeat=3))
NUMBERS = itertools.count()


class World:
    """A store with a user, an administrator and an API key, and newcomers at will."""

    def __init__(self, store):
        self.store = store
        store.newcomer("bob")
        self.ann = store.newcomer("ann")["access_token"]
        for _ in range(9):
            store.log_in("ann")
        self.admin = store.log_in("admin", store.admin_password)["access_token"]
        self.ann_id = store.call("GET", "/users?username=ann", self.admin)["items"][0]["id"]
        scopes = ["read:items", "introspect:tokens"]
        self.key = store.call("POST", "/api-keys", self.ann, {"name": "bench", "scopes": scopes})
        store.call("POST", "/items", self.ann, {"name": "an item"})

    def newcomer(self):
        """Somebody new, and their tokens."""
        name = f"user{next(NUMBERS)}"
        return name, self.store.newcomer(name)

    def tokens(self):
        """A new session of somebody who has many."""
        return self.store.log_in("bob")

    def user_id(self, name):
        return self.store.call("GET", f"/users?username={name}", self.admin)["items"][0]["id"]

    def setup(self):
        """Somebody new who has asked for a second factor: their name, their access token and the secret."""
        name, tokens = self.newcomer()
        access = tokens["access_token"]
        return name, access, self.store.call("POST", "/2fa/setup", access)["secret"]

    def recovery_codes(self):
        """Somebody new with a second factor: their name, their access token and the recovery codes."""
        name, access, secret = self.setup()
        return name, access, self.store.call("POST", "/2fa/verify", access, {"code": totp(secret)})["recovery_codes"]


def totp(secret):
    """RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000)


# Each is a generator of events. Those that are chained are sent what the last one was answered.


def logins(world):
    while True:
        yield form("/token", {"username": "bob", "password": PASSWORD}, next(ADDRESSES))


def wrong_logins(world):
    while True:
        yield form("/token", {"username": f"nobody{next(NUMBERS)}", "password": "wrong"}, next(ADDRESSES))


def second_steps(world):
    while True:
        name, _, codes = world.recovery_codes()
        yield form("/token", {"username": name, "password": PASSWORD, "otp": codes[0]}, next(ADDRESSES))


def refreshes(world):
    token = world.tokens()["refresh_token"]
    while True:
        call = yield send("POST", "/token/refresh", {"refresh_token": token})
        token = call.json()["refresh_token"]


def client_tokens(world):
    fields = {"grant_type": "client_credentials", "client_id": world.key["id"], "client_secret": world.key["key"]}
    return again(form("/oauth2/token", fields))


def logouts(path):
    def requests(world):
        while True:
            yield send("POST", path, None, world.tokens()["access_token"])

    return requests


def logouts_everywhere(world):
    while True:
        _, tokens = world.newcomer()
        yield send("POST", "/logout/all", None, tokens["access_token"])


def revocations(world):
    while True:
        yield form("/oauth2/revoke", {"token": world.tokens()["refresh_token"]})


def introspections(world):
    return again(form("/oauth2/introspect", {"token": world.ann}, **{"x-api-key": world.key["key"]}))


def setups(world):
    while True:
        _, tokens = world.newcomer()
        yield event("POST", "/2fa/setup", bearer(tokens["access_token"]) | {"accept": "image/png"})


def confirmations(world):
    while True:
        _, access, secret = world.setup()
        yield send("POST", "/2fa/verify", {"code": totp(secret)}, access)


def verifications(world):
    while True:
        _, access, codes = world.recovery_codes()
        for code in codes:
            yield send("POST", "/2fa/verify", {"code": code}, access)


def new_keys(world):
    while True:
        call = yield send("POST", "/api-keys", {"name": "bench", "scopes": ["read:items"]}, world.ann)
        world.store.call("DELETE", "/api-keys/" + call.json()["id"], world.ann)


def ended_keys(world):
    while True:
        key = world.store.call("POST", "/api-keys", world.ann, {"name": "bench"})
        yield event("DELETE", "/api-keys/" + key["id"], bearer(world.ann))


def turned_keys(world):
    key = world.store.call("POST", "/api-keys", world.ann, {"name": "bench"})
    return again(send("POST", f"/api-keys/{key['id']}/rotate", {"overlap": 60}, world.ann))


def sign_ups(world):
    while True:
        name = f"user{next(NUMBERS)}"
        body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        yield send("POST", "/users", body, address=next(ADDRESSES))


def password_changes(world):
    _, tokens = world.newcomer()
    body = {"current_password": PASSWORD, "new_password": PASSWORD}
    return again(send("POST", "/users/me/password", body, tokens["access_token"]))


def goodbyes(world):
    while True:
        _, tokens = world.newcomer()
        yield send("DELETE", "/users/me", {"current_password": PASSWORD}, tokens["access_token"])


def deletions(world):
    while True:
        name, _ = world.newcomer()
        yield event("DELETE", "/users/" + world.user_id(name), bearer(world.admin))


def ended_sessions(world):
    here = world.tokens()["access_token"]
    while True:
        there = world.tokens()["access_token"]
        session = json.loads(base64.urlsafe_b64decode(there.split(".")[1] + "=="))["sid"]
        yield event("DELETE", f"/users/me/sessions/{session}", bearer(here))


def limited(world):
    while True:
        yield event("GET", "/limited", address=next(ADDRESSES))


def authorizations(world):
    asked = {"version": "2.0", "type": "REQUEST", "routeKey": "$default", "rawPath": "/reports", "rawQueryString": ""}
    return again(json.dumps(asked | {"headers": {"authorization": f"Bearer {world.ann}"}}).encode())


@dataclass(frozen=True)
class Route:
    """A route, its function, and the cryptography that no implementation can do without."""

    name: str
    function: str
    requests: Callable
    status: int = 200
    hashes: int = 0
    signs: int = 0
    # So many calls at a time, at most: fewer where each needs somebody new, who is made by way of a hash.
    calls: int = 100
    # Whether a request is made of the answer to the one before.
    chained: bool = False


def reads(path):
    return lambda world: again(get(path, world.ann))


ROUTES = [
    Route("POST /token", "token", logins, hashes=1, signs=1, calls=5),
    Route("POST /token, refused", "token", wrong_logins, status=401, hashes=1, calls=5),
    Route("POST /token with otp", "token", second_steps, hashes=1, signs=1, calls=2),
    Route("POST /token/refresh", "refresh", refreshes, signs=1, chained=True),
    Route("POST /refresh-token", "refresh", lambda w: again(send("POST", "/refresh-token", None, w.ann)), signs=1),
    Route("POST /oauth2/token, client", "token", client_tokens, signs=1),
    Route("POST /logout", "logout", logouts("/logout"), calls=10),
    Route("POST /logout/all", "logout", logouts_everywhere, calls=10),
    Route("POST /revoke-token", "logout", logouts("/revoke-token"), calls=10),
    Route("POST /oauth2/revoke", "logout", revocations, calls=10),
    Route("POST /oauth2/introspect", "oauth", introspections),
    Route("GET /oauth2/userinfo", "oauth", reads("/oauth2/userinfo")),
    Route("GET /users/me", "users", reads("/users/me")),
    Route("PATCH /users/me", "users", lambda w: again(send("PATCH", "/users/me", {"full_name": "Ann"}, w.ann))),
    Route("GET /users/me/sessions", "users", reads("/users/me/sessions")),
    Route("DELETE /users/me/sessions/{id}", "users", ended_sessions, status=204, calls=10),
    Route("POST /users/me/password", "users", password_changes, status=204, hashes=2, calls=3),
    Route("DELETE /users/me", "users", goodbyes, hashes=1, calls=2),
    Route("POST /users", "users", sign_ups, status=201, hashes=1, calls=5),
    Route("GET /users", "users", lambda w: again(get("/users", w.admin))),
    Route("GET /users/{id}", "users", lambda w: again(get(f"/users/{w.ann_id}", w.admin))),
    Route(
        "PATCH /users/{id}",
        "users",
        lambda w: again(send("PATCH", f"/users/{w.ann_id}", {"full_name": "Ann"}, w.admin)),
    ),
    Route("DELETE /users/{id}", "users", deletions, calls=10),
    Route("POST /2fa/setup", "two-factor", setups, calls=10),
    Route("POST /2fa/verify, first", "two-factor", confirmations, calls=10),
    Route("POST /2fa/verify", "two-factor", verifications, calls=10),
    Route("POST /api-keys", "api-keys", new_keys, status=201, chained=True),
    Route("GET /api-keys", "api-keys", reads("/api-keys")),
    Route("POST /api-keys/{id}/rotate", "api-keys", turned_keys),
    Route("DELETE /api-keys/{id}", "api-keys", ended_keys, status=204),
    Route("GET /items", "example", reads("/items")),
    Route("POST /items", "example", lambda w: again(send("POST", "/items", {"name": "an item"}, w.admin))),
    Route("POST /comments", "example", lambda w: again(send("POST", "/comments", {"content": "<b>hello</b>"}, w.ann))),
    Route("GET /protected", "example", lambda w: again(get("/protected", **{"x-api-key": w.key["key"]}))),
    Route("GET /limited", "example", limited),
    Route("GET /.well-known/jwks.json", "metadata", lambda w: again(get("/.well-known/jwks.json"))),
    Route("GET /openapi.json", "metadata", lambda w: again(get("/openapi.json"))),
    Route("authorizer", "authorizer", authorizations, status=None),
]
BY_NAME = {route.name: route for route in ROUTES}
