// What the program is compared with: the same route, in Express with LangChain.js.
import { ChatOpenAI } from "@langchain/openai";
import express from "express";

const model = new ChatOpenAI({
  model: "benchmark",
  apiKey: "none",
  configuration: { baseURL: process.env.OPENAI_BASE_URL },
});
const app = express();
app.use(express.json());

app.post("/ask", async (request, response) => {
  const stream = await model.stream(request.body.prompt);
  response.setHeader("Content-Type", "text/plain");
  for await (const chunk of stream) response.write(chunk.content);
  response.end();
});

app.listen(process.env.PORT, "127.0.0.1");
