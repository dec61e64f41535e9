"""Chunks in, events out: so far only for chunks from OpenAI."""


def events(chunks):
    """Yield {"token"} for each text as it comes, and {"end"} for why it ended."""
    for chunk in chunks:
        if chunk.content:
            yield {"token": chunk.content}
        if "finish_reason" in chunk.response_metadata:
            yield {"end": chunk.response_metadata["finish_reason"]}
