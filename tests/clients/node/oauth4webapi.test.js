// oauth4webapi, which most JavaScript clients stand on: strict about every answer.
import assert from "node:assert/strict";
import test from "node:test";
import * as oauth from "oauth4webapi";
import { client, issuer, logIn, secret } from "./doorward.js";

const local = { [oauth.allowInsecureRequests]: true };
const browser = { client_id: "doorward" };
const service = { client_id: client };

async function discover(algorithm) {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...local });
  return oauth.processDiscoveryResponse(issuer, response);
}

const server = await discover("oauth2");

async function refresh(token) {
  const response = await oauth.refreshTokenGrantRequest(server, browser, oauth.None(), token, local);
  return oauth.processRefreshTokenResponse(server, browser, response);
}

async function revoke(token) {
  const response = await oauth.revocationRequest(server, browser, oauth.None(), token, local);
  return oauth.processRevocationResponse(response);
}

async function introspect(token, authentication = oauth.ClientSecretBasic(secret)) {
  const response = await oauth.introspectionRequest(server, service, authentication, token, local);
  return oauth.processIntrospectionResponse(server, service, response);
}

async function clientCredentials(authentication, scope) {
  const asked = scope ? { scope } : {};
  const response = await oauth.clientCredentialsGrantRequest(server, service, authentication, asked, local);
  return oauth.processClientCredentialsResponse(server, service, response);
}

async function userInfo(token, subject) {
  const response = await oauth.userInfoRequest(server, browser, token, local);
  return oauth.processUserInfoResponse(server, browser, subject, response);
}

test("both documents are found, and are one", async () => {
  assert.deepEqual(await discover("oidc"), server);
});

test("a refresh rotates, and a spent token is an invalid_grant", async () => {
  const first = await logIn();
  const second = await refresh(first.refresh_token);
  assert.notEqual(second.refresh_token, first.refresh_token);
  const third = await refresh(second.refresh_token);
  // Two generations behind is theft, and ends the session.
  for (const dead of [first.refresh_token, third.refresh_token, "nonsense"]) {
    await assert.rejects(refresh(dead), { name: "ResponseBodyError", error: "invalid_grant", status: 400 });
  }
});

test("a revoked token is dead", async () => {
  const { access_token, refresh_token } = await logIn();
  assert.equal((await introspect(access_token)).active, true);
  await revoke("nonsense");
  await revoke(refresh_token);
  assert.deepEqual(await introspect(access_token), { active: false });
  assert.deepEqual(await introspect(refresh_token), { active: false });
  await assert.rejects(refresh(refresh_token), { error: "invalid_grant" });
  await assert.rejects(userInfo(access_token, oauth.skipSubjectCheck), (error) => {
    assert.equal(error.cause[0].parameters.error, "invalid_token");
    return error instanceof oauth.WWWAuthenticateChallengeError && error.status === 401;
  });
});

for (const authentication of [oauth.ClientSecretBasic, oauth.ClientSecretPost]) {
  test(`a client proves itself by ${authentication.name}`, async () => {
    const granted = await clientCredentials(authentication(secret), "read:items");
    assert.equal(granted.scope, "read:items");
    assert.equal(granted.refresh_token, undefined);
    const told = await introspect(granted.access_token, authentication(secret));
    assert.equal(told.sub, client);
    assert.equal(told.client_id, client);
    await assert.rejects(clientCredentials(authentication(secret), "more"), { error: "invalid_scope" });
  });
}

test("a client that proves nothing is an invalid_client", async () => {
  await assert.rejects(clientCredentials(oauth.ClientSecretPost("wrong")), { error: "invalid_client", status: 401 });
  await assert.rejects(clientCredentials(oauth.ClientSecretBasic("wrong")), (error) => {
    assert.equal(error.cause[0].scheme, "basic");
    return error.status === 401;
  });
});

test("whose a token is, and that its signature is good", async () => {
  const { access_token } = await logIn();
  const { sub } = await introspect(access_token);
  assert.equal((await userInfo(access_token, sub)).sub, sub);
  const request = new Request(issuer, { headers: { authorization: `Bearer ${access_token}` } });
  const claims = await oauth.validateJwtAccessToken(server, request, issuer.href.slice(0, -1), local);
  assert.equal(claims.sub, sub);
});
