// openid-client, as an application uses it.
import assert from "node:assert/strict";
import test from "node:test";
import * as openid from "openid-client";
import { client, issuer, logIn, secret } from "./doorward.js";

const local = { execute: [openid.allowInsecureRequests] };
const browser = await openid.discovery(issuer, "doorward", undefined, openid.None(), local);
const service = await openid.discovery(issuer, client, secret, undefined, { algorithm: "oauth2", ...local });

test("a user's tokens, from the refresh to the revocation", async () => {
  const first = await logIn();
  const second = await openid.refreshTokenGrant(browser, first.refresh_token);
  const { sub } = await openid.tokenIntrospection(service, second.access_token);
  const user = await openid.fetchUserInfo(browser, second.access_token, sub);
  assert.equal(user.email_verified, false);

  await openid.tokenRevocation(browser, second.refresh_token);
  assert.deepEqual(await openid.tokenIntrospection(service, second.access_token), { active: false });
  await assert.rejects(openid.refreshTokenGrant(browser, second.refresh_token), {
    name: "ResponseBodyError",
    error: "invalid_grant",
  });
});

test("a client's token", async () => {
  const granted = await openid.clientCredentialsGrant(service, { scope: "read:items" });
  assert.ok(granted.expiresIn() > 0);
  const items = await openid.fetchProtectedResource(service, granted.access_token, new URL("/items", issuer), "GET");
  assert.equal(items.status, 200);
  await assert.rejects(openid.fetchUserInfo(service, granted.access_token, client), { status: 403 });
  await openid.tokenRevocation(service, granted.access_token);
  assert.deepEqual(await openid.tokenIntrospection(service, granted.access_token), { active: false });
});
