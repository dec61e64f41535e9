"""The program works without this folder: here OpenAI's client does less work per word.

lean.py hands LangChain what the provider sends with fewer objects on the way, and
connections.py keeps the connections to the provider. Without the folder, models.py
takes LangChain's own client, which gives the same answers and costs about four times
as much processor time. tests/benchmark.py measures the difference.
"""


def chat_openai():
    """Return a class that is used as LangChain's ChatOpenAI is."""
    from fast.lean import LeanChatOpenAI

    return LeanChatOpenAI
