"""The same program without fast/: with LangChain's own client."""

from langchain_openai import ChatOpenAI

import app as program

lean = program.model
program.model = ChatOpenAI(
    name=lean.name,
    model=lean.model_name,
    api_key=lean.openai_api_key,
    timeout=lean.request_timeout,
    max_retries=0,
)
app = program.app
