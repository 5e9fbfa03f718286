// Lambda's runtime for Node.js in short: events of the Runtime API, one after the other.

import http from "node:http";
import { handler } from "./app.js";

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(method, path, body) {
  return new Promise((done, failed) => {
    const request = http.request({ hostname, port, method, agent, path: `/2018-06-01/runtime/${path}` }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => done({ headers: answer.headers, body: Buffer.concat(parts).toString() }));
    });
    request.on("error", failed);
    request.end(body);
  });
}

for (;;) {
  const { headers, body } = await ask("GET", "invocation/next");
  const answer = await handler(JSON.parse(body));
  await ask("POST", `invocation/${headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
}
