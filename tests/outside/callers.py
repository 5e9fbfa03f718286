"""Who Schemathesis calls as: an admin, and somebody new for each call that harms its caller."""

import itertools
import os

import schemathesis
from service import PASSWORD, call, log_in, sign_up

BASE = os.environ["BASE"]
# After one of these the caller's token, password or account is another.
HARMFUL = {
    ("post", "/logout"),
    ("post", "/logout/all"),
    ("post", "/revoke-token"),
    ("post", "/users/me/password"),
    ("patch", "/users/me"),
    ("delete", "/users/me"),
    ("delete", "/users/me/sessions/{id}"),
}
numbers = itertools.count()
# Whom the document's examples speak of.
sign_up(BASE, "ann")
admin = log_in(BASE, "admin", os.environ["ADMIN_PASSWORD"])


def somebody_new():
    name = f"caller-{next(numbers)}"
    sign_up(BASE, name)
    return log_in(BASE, name, PASSWORD)


key = call("POST", f"{BASE}/api-keys", {"name": "schemathesis"}, admin)["key"]


@schemathesis.auth(refresh_interval=None)
class Callers:
    def get(self, case, context):
        operation = context.operation
        if (operation.method.lower(), operation.path) in HARMFUL:
            return somebody_new()
        return admin

    def set(self, case, token, context):
        schemes = {name for scheme in context.operation.definition.raw.get("security", []) for name in scheme}
        case.headers = case.headers or {}
        if "OAuth2PasswordBearer" in schemes:
            case.headers["Authorization"] = f"Bearer {token}"
        if "APIKeyHeader" in schemes:
            case.headers["X-API-Key"] = key
