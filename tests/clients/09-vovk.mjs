// Vovk's own client, as createRPC gives it: prints each message, or what it throws.

import { createRPC } from "vovk/create-rpc";

const [apiRoot, prompt] = process.argv.slice(2);
const ask = { path: "ask", httpMethod: "POST", validation: {} };
const controllers = { Answers: { rpcModuleName: "Answers", prefix: "", handlers: { ask } } };
const schema = { segments: { "": { segmentName: "", controllers } } };
const answers = createRPC(schema, "", "Answers", undefined, { apiRoot });
const print = (found) => console.log(JSON.stringify(found));

try {
  for await (const message of await answers.ask({ body: { prompt } })) print({ message });
} catch (error) {
  const { name, message, statusCode } = error;
  print({ thrown: error instanceof Error ? { name, message, statusCode } : error });
}
