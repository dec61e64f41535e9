"""ChatOpenAI, LangChain's client for OpenAI, with less work for each word.

Of the time that a word costs this server, most would go into objects: one with a dozen
fields, which OpenAI's library makes of each chunk, and two that LangChain makes of that
and keeps until the end of the answer. But nearly all chunks bring a text and nothing
else. Of those in a row, LangChain gets the first here, and the messages of the others
are copies of the one that it makes. All else is LangChain's, as before: the
question, each chunk that brings more, such as the reason for the end, and each failure.

tests/test_lean.py compares the answers with those of the libraries, chunk by chunk and
error by error. tests/benchmark.py measures what the difference is worth.
"""

from contextlib import closing, contextmanager

import openai
from langchain_core.callbacks import CallbackManager
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import ensure_config
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionChunk  # the object with a dozen fields

from fast.connections import KeptConnections, has_another_way
from fast.events import read_chunks, text_alone
from settings import number


class LeanChatOpenAI(ChatOpenAI):
    """ChatOpenAI, whose streams are made as below."""

    def __init__(self, **settings):
        """Take ChatOpenAI's settings."""
        super().__init__(**settings)
        # Only now: a client that it is given makes LangChain cautious. It would no
        # longer ask OpenAI for the count of tokens.
        if not has_another_way(self):
            self.use(KeptConnections(number("ANSWER_SECONDS", 120)))

    def use(self, transport):
        """Let a transport carry the questions, and bring the answers."""
        client = openai.DefaultHttpxClient(transport=transport)
        self.root_client = self.root_client.with_options(http_client=client)
        self.client = self.root_client.chat.completions  # which LangChain asks

    def stream(self, input, config=None, *, stop=None, **options):
        """Yield the messages of an answer; the arguments are ChatOpenAI's."""
        if self.is_listened_to(config):
            yield from super().stream(input, config, stop=stop, **options)
            return
        # A copy of this model, in which LangChain finds the answer where it looks for
        # the library's completions. super() with these two is ChatOpenAI's own stream,
        # for the copy; model.stream() would be this function again.
        answer = Answer(self.client)
        model = self.model_copy(update={"client": answer})
        chat_openai = super(LeanChatOpenAI, model)
        with closing(
            chat_openai.stream(input, config, stop=stop, **options)
        ) as messages:
            for message in messages:
                is_text = message.content == answer.text  # None if there is more
                if not is_text or not isinstance(message, AIMessageChunk):
                    yield message
                    continue
                original = message.model_copy(deep=True)  # others may write in message
                yield message
                yield from copies(original, answer.texts())

    def is_listened_to(self, config):
        """Whether somebody wants to hear of each chunk.

        LangSmith is an example, a service that records what a model is asked and says.
        LangChain calls such listeners by their callbacks, and a manager knows them all:
        those of this question, of this model, and of the environment.
        """
        callbacks = ensure_config(config).get("callbacks")
        manager = CallbackManager.configure(callbacks, self.callbacks, self.verbose)
        return bool(manager.handlers)


def copies(message, texts):
    """Yield a copy of a message for each of the texts."""
    # A message yields its fields. All copies would share these, and others may write
    # in them.
    shared = {name: value for name, value in message if isinstance(value, dict | list)}
    for text in texts:
        fields = {name: value.copy() for name, value in shared.items()}
        fields["content"] = text
        yield message.model_copy(update=fields)


class Answer:
    """Stands in for the library's completions, the object that is asked for an answer.

    It is the answer too: LangChain takes chunks as from any iterator. Between two of
    them stream(), above, may take those that bring a text alone.
    """

    def __init__(self, completions):
        self.completions = completions  # the library's
        self.chunks = iter([])
        self.put_back = []  # a chunk that stream() took, but that is for LangChain
        self.error = None  # the same for an error
        self.text = None  # that of LangChain's last chunk, if it brings nothing else
        self.is_refused = False  # whether the model has said that it will not answer

    def __getattr__(self, name):
        """Return what is not defined here: it is the library's."""
        return getattr(self.completions, name)

    # LangChain writes `with create(...) as chunks:`. This line lets a function be used
    # like that: it runs to its yield, and goes on at the end of the block.
    @contextmanager
    def create(self, **request):
        """Ask for a stream; in the end, hang up."""
        with self.completions.create(**request) as stream:
            self.chunks = read_chunks(stream.response)
            yield self

    def __iter__(self):
        return self

    def __next__(self):
        """Return the next chunk as the library's object, for LangChain."""
        if self.error:
            raise self.error
        chunk = self.put_back.pop() if self.put_back else next(self.chunks)
        self.mark_refusal(chunk)
        self.text = text_alone(chunk)
        # LangChain takes a dict as well, but the object also fills in what a provider
        # left out. What is JSON but no dict, LangChain refuses.
        if self.text is None and isinstance(chunk, dict):
            chunk = ChatCompletionChunk.construct(**chunk)  # with no check, as usual
        return chunk

    def mark_refusal(self, chunk):
        """Give an answer that is a refusal the finish reason "refusal".

        OpenAI sends the words of a refusal in a field of their own, and then the reason
        "stop". LangChain drops the field, so the answer would look whole, but empty.
        """
        try:
            choice = chunk["choices"][0]
            if choice["delta"].get("refusal"):
                self.is_refused = True
            if self.is_refused and choice["finish_reason"] == "stop":
                choice["finish_reason"] = "refusal"
        except (AttributeError, IndexError, KeyError, TypeError):
            pass  # a chunk of another shape

    def texts(self):
        """Yield the texts that come next, up to a chunk that brings something else."""
        try:
            for chunk in self.chunks:
                text = text_alone(chunk)
                if text is None:
                    self.put_back.append(chunk)
                    return
                yield text
        except Exception as error:
            self.error = error  # for LangChain, which makes an error of its own of it
