// OpenAuth's issuer on its own DynamoDB storage. Somebody who can do client_credentials gets a session: what is measured is how
// it goes on, by its refresh token.

import { issuer } from "@openauthjs/openauth";
import { DynamoStorage } from "@openauthjs/openauth/storage/dynamo";
import { createSubjects } from "@openauthjs/openauth/subject";
import { handle } from "hono/aws-lambda";
import { object, string } from "valibot";

const app = issuer({
  subjects: createSubjects({ user: object({ id: string() }) }),
  storage: DynamoStorage({ table: "peer-openauth", endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB }),
  providers: { program: { type: "program", init() {}, client: async ({ clientID }) => ({ id: clientID }) } },
  success: (context, { id }) => context.subject("user", { id }),
});

export const handler = handle(app);
