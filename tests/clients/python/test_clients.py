"""Authlib, as an application uses it; PyJWT, and the resource server of docs/guard-your-function.md."""

import os
import re
import unittest
from pathlib import Path

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from fastapi.testclient import TestClient

ISSUER, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))


def found(name):
    return requests.get(f"{ISSUER}/.well-known/{name}").json()


SERVER = found("openid-configuration")
TOKEN, REVOCATION = SERVER["token_endpoint"], SERVER["revocation_endpoint"]
INTROSPECTION = SERVER["introspection_endpoint"]


def log_in():
    form = {"username": os.environ["USER_NAME"], "password": os.environ["USER_PASSWORD"]}
    answer = requests.post(f"{ISSUER}/token", data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def browser():
    return OAuth2Session("doorward", token=log_in(), token_endpoint_auth_method="none")


def service(method="client_secret_basic", secret=CLIENT_SECRET):
    return OAuth2Session(CLIENT_ID, secret, token_endpoint_auth_method=method)


class WithAuthlib(unittest.TestCase):
    def refused(self, error, call, *args, **kwargs):
        with self.assertRaises(OAuthError) as raised:
            call(*args, **kwargs)
        self.assertEqual(raised.exception.error, error)

    def test_a_refresh_rotates_and_a_spent_token_is_an_invalid_grant(self):
        session = browser()
        first = session.token["refresh_token"]
        second = session.refresh_token(TOKEN, refresh_token=first)["refresh_token"]
        third = session.refresh_token(TOKEN, refresh_token=second)["refresh_token"]
        self.assertEqual(len({first, second, third}), 3)
        for dead in (first, third, "nonsense"):
            self.refused("invalid_grant", session.refresh_token, TOKEN, refresh_token=dead)

    def test_a_revoked_token_is_dead(self):
        session = browser()
        access, refresh = session.token["access_token"], session.token["refresh_token"]
        self.assertEqual(session.get(SERVER["userinfo_endpoint"]).json()["preferred_username"], os.environ["USER_NAME"])
        told = service().introspect_token(INTROSPECTION, token=access).json()
        self.assertEqual((told["active"], told["username"]), (True, os.environ["USER_NAME"]))
        self.assertEqual(session.revoke_token(REVOCATION, token=refresh, token_type_hint="refresh_token").status_code, 200)
        for dead in (access, refresh):
            told = service().introspect_token(INTROSPECTION, token=dead, token_type_hint="access_token")
            self.assertEqual(told.json(), {"active": False})
        self.refused("invalid_grant", session.refresh_token, TOKEN, refresh_token=refresh)

    def test_a_client_proves_itself(self):
        for method in ("client_secret_basic", "client_secret_post"):
            session = service(method)
            granted = session.fetch_token(TOKEN, grant_type="client_credentials", scope="read:items")
            self.assertNotIn("refresh_token", granted)
            self.assertEqual(session.get(f"{ISSUER}/items").json(), {"items": []})
            self.assertEqual(session.get(f"{ISSUER}/users/me").status_code, 403)
            wrong = service(method, "wrong")
            self.refused("invalid_client", wrong.fetch_token, TOKEN, grant_type="client_credentials")
        self.refused("invalid_scope", service().fetch_token, TOKEN, grant_type="client_credentials", scope="more")

    def test_a_password_is_not_taken_here(self):
        form = {"grant_type": "password", "username": "x", "password": "x"}
        self.refused("unsupported_grant_type", browser().fetch_token, TOKEN, **form)


class WithPyJwt(unittest.TestCase):
    def test_the_published_keys_verify(self):
        keys = jwt.PyJWKClient(SERVER["jwks_uri"])
        token = log_in()["access_token"]
        algorithms = SERVER["id_token_signing_alg_values_supported"]
        rules = {"issuer": ISSUER, "audience": ISSUER}
        claims = jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=algorithms, **rules)
        self.assertEqual(claims["client_id"], "doorward")
        forged = token[: token.rindex(".")] + ".AAAA"
        with self.assertRaises(jwt.InvalidSignatureError):
            jwt.decode(forged, keys.get_signing_key_from_jwt(forged), algorithms=algorithms, **rules)


class TheResourceServerOfThePage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        page = (Path(os.environ["PROJECT"]) / "docs" / "guard-your-function.md").read_text()
        (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        assert source.count('"http://127.0.0.1:9000"') == 1
        module = {}
        exec(source.replace("http://127.0.0.1:9000", ISSUER), module)
        cls.client = TestClient(module["app"])

    def call(self, token):
        return self.client.get("/reports", headers={"Authorization": f"Bearer {token}"})

    def test_it_refuses_who_has_no_token_of_ours(self):
        self.assertEqual(self.client.get("/reports").status_code, 401)
        token = log_in()["access_token"]
        for bad in ("nonsense", token[: token.rindex(".")] + ".AAAA", log_in()["refresh_token"]):
            answer = self.call(bad)
            self.assertEqual(answer.status_code, 401, answer.text)
            self.assertEqual(answer.headers["www-authenticate"], 'Bearer error="invalid_token"')

    def test_it_lets_users_and_clients_in_by_their_scope(self):
        granted = service().fetch_token(TOKEN, grant_type="client_credentials", scope="read:items")
        for token in (log_in()["access_token"], granted["access_token"]):
            answer = self.call(token)
            self.assertEqual(answer.status_code, 200, answer.text)
            self.assertEqual(answer.json(), {"for": jwt.decode(token, options={"verify_signature": False})["sub"]})
        narrow = service().fetch_token(TOKEN, grant_type="client_credentials", scope="introspect:tokens")
        answer = self.call(narrow["access_token"])
        self.assertEqual(answer.status_code, 403)
        self.assertIn("insufficient_scope", answer.headers["www-authenticate"])


if __name__ == "__main__":
    unittest.main()
