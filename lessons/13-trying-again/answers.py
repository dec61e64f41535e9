"""From what a model says to the verbs of a stream."""

import logging
from contextlib import closing

from failures import (
    http_error,
    ignoring_late_errors,
    log_name,
    openai_reason,
    require_whole,
    sentence_for,
)

FINISH_REASONS = {  # of openai_reason, in the AI SDK's words
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
}
log = logging.getLogger(__name__)


def write(model, question, stream):
    """Write the model's answer into the stream, or what went wrong with it."""
    try:
        write_answer(model, question, stream)
    except Exception as error:
        log.warning(log_name(error))
        refusal = http_error(error)
        if stream.message_count == 0:
            stream.refusal = refusal  # for the view, if it is still waiting
        seconds = getattr(refusal, "retry_after", None)  # of a rate limit
        stream.abort(sentence_for(error), refusal.code, seconds)
    finally:
        stream.close()


def write_answer(model, question, stream):
    """Write a whole answer; close the model's stream as soon as nobody reads."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    usage = None
    has_text = False
    with closing(model.stream(question)) as chunks:  # leaving the block hangs up
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            if chunk.usage_metadata:
                usage = chunk.usage_metadata  # a running total: keep the last one
            if chunk.text:
                if not has_text:
                    stream.start().send_metadata({"model": model.name})
                has_text = True
                stream.send_token(chunk.text)
            if not stream.is_active:
                return
    if not has_text:  # no answer, whatever its finish reason: this raises
        require_whole(metadata, has_text)
    reason = openai_reason(metadata, has_text)  # or raises: it was cut off
    if usage:
        stream.send_usage(in_the_words_of_clients(usage))
    stream.end(FINISH_REASONS[reason])


def in_the_words_of_clients(usage):
    """Return LangChain's usage under the names that clients know."""
    return {
        "promptTokens": usage["input_tokens"],
        "completionTokens": usage["output_tokens"],
        "totalTokens": usage["total_tokens"],
    }
