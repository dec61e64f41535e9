"""From what a model says to the verbs of a stream."""

import logging
from contextlib import closing
from itertools import chain

from failures import http_error, log_name, openai_reason, require_whole, sentence_for

FINISH_REASONS = {  # of openai_reason, in the AI SDK's words
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
}
log = logging.getLogger(__name__)


def wait_for_text(chunks):
    """Return the chunks up to the first text; until then a failure is a status."""
    first_chunks = []
    metadata = {}
    try:
        for chunk in chunks:
            first_chunks.append(chunk)
            metadata |= chunk.response_metadata
            if chunk.text:
                return first_chunks
        require_whole(metadata, has_text=False)  # raises: nothing is no answer
    except Exception as error:
        log.warning(log_name(error))
        raise http_error(error) from None


def write(stream, model_name, first_chunks, chunks):
    """Write a whole answer into the stream; hang up on the model when nobody reads."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    usage = None
    stream.start().send_metadata({"model": model_name})
    try:
        with closing(chunks):  # leaving hangs up on the model
            for chunk in chain(first_chunks, chunks):
                if chunk.text:
                    stream.send_token(chunk.text)
                if chunk.usage_metadata:
                    usage = chunk.usage_metadata  # so far: the last one counts it all
                metadata |= chunk.response_metadata
                if not stream.is_active:
                    return
        if usage:
            stream.send_usage(
                {
                    "promptTokens": usage["input_tokens"],
                    "completionTokens": usage["output_tokens"],
                    "totalTokens": usage["total_tokens"],
                }
            )
        reason = openai_reason(metadata, has_text=True)  # or raises: it was cut off
        stream.end(FINISH_REASONS[reason])
    except Exception as error:
        log.warning(log_name(error))
        stream.abort(sentence_for(error))
