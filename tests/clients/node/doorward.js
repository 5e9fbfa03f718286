// The server under test, and somebody who logs in there.
import assert from "node:assert/strict";

export const issuer = new URL(process.env.ISSUER);
export const client = process.env.CLIENT_ID;
export const secret = process.env.CLIENT_SECRET;

export async function logIn() {
  const body = new URLSearchParams({ username: process.env.USER_NAME, password: process.env.USER_PASSWORD });
  const response = await fetch(new URL("/token", issuer), { method: "POST", body });
  assert.equal(response.status, 200);
  return response.json();
}
