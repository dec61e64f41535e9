"""What LangChain makes of a call that was cut: run it in a terminal."""

import json

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

CUT = '{"path": "notes/old'

piece = tool_call_chunk(name="delete", args=CUT, id="call_1", index=0)
chunk = AIMessageChunk("", tool_call_chunks=[piece])
print("The model wrote:", CUT)
print("LangChain reads:", chunk.tool_calls[0]["args"])
try:
    json.loads(CUT)
except ValueError as error:
    print("A strict reader:", error)
