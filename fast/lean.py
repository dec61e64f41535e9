"""ChatOpenAI, LangChain's client for OpenAI, with less work for each word.

Most of the time that a word costs this server would go into objects. OpenAI's library
turns each chunk into an object with a dozen fields. LangChain makes two more from that,
and keeps them until the end of the answer. But nearly all chunks bring only a text.

If several such chunks come in a row, LangChain gets only the first here, and makes a
message of it. The messages of the others are copies of that message, each with its own
text. All else is LangChain's, as before: the question, each chunk that brings more,
such as the reason for the end, and each failure.

tests/test_lean.py compares the answers with those of the libraries, chunk by chunk and
error by error. tests/benchmark.py measures what the difference is worth.
"""

from contextlib import closing, contextmanager

import openai
from langchain_core.callbacks import CallbackManager
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
        # Only now: if LangChain is given a client at the start, it does not ask the
        # server for the count of tokens.
        if not has_another_way(self):
            self.use(KeptConnections(number("ANSWER_SECONDS", 120)))

    def use(self, transport):
        """Let a transport carry the questions, and bring the answers."""
        client = openai.DefaultHttpxClient(transport=transport)
        self.root_client = self.root_client.with_options(http_client=client)
        self.client = self.root_client.chat.completions  # which LangChain asks

    def stream(self, input, config=None, *, stop=None, **options):
        """Yield the messages of an answer; the arguments are ChatOpenAI's.

        Those after the * have to be given by name.
        """
        if self.is_listened_to(config):
            # yield from: yields each message of ChatOpenAI's own stream.
            yield from super().stream(input, config, stop=stop, **options)
            return
        # In a copy of this model, LangChain finds our answer where it looks for the
        # library's completions. The copy has this stream() too, so super() with these
        # two arguments reaches past it, to the one of ChatOpenAI.
        answer = Answer(self.client)
        model = self.model_copy(update={"client": answer})
        chat_openai = super(LeanChatOpenAI, model)
        with closing(
            chat_openai.stream(input, config, stop=stop, **options)
        ) as messages:
            for message in messages:
                # answer.text is None if the chunk brings more than a text.
                is_text = message.content == answer.text
                if not is_text:
                    yield message
                    continue
                original = message.model_copy(deep=True)  # others may write in message
                yield message
                yield from copies(original, answer.texts())

    def is_listened_to(self, config):
        """Whether somebody wants to hear of each chunk.

        LangSmith is an example: it records what a model is asked, and what it says.
        LangChain calls such listeners by their callbacks, and a manager knows them all:
        those of this question, of this model, and of the environment.
        """
        callbacks = ensure_config(config).get("callbacks")  # config may be None
        manager = CallbackManager.configure(callbacks, self.callbacks, self.verbose)
        return bool(manager.handlers)


def copies(message, texts):
    """Yield a copy of a message for each of the texts."""
    # A loop over a message gives its fields. All copies would share these, and others
    # may write in them.
    shared = {name: value for name, value in message if isinstance(value, dict | list)}
    for text in texts:
        fields = {name: value.copy() for name, value in shared.items()}
        fields["content"] = text
        yield message.model_copy(update=fields)


class Answer:
    """Stands in for the library's completions, the object that is asked for an answer.

    It is also the answer: an iterator, from which LangChain takes its chunks. (A loop
    calls __iter__ once, and then __next__ for each chunk.) Between two of them,
    stream() above takes those that bring a text alone.
    """

    def __init__(self, completions):
        self.completions = completions  # the library's
        self.chunks = iter([])
        self.put_back = []  # a chunk that stream() took, but that is for LangChain
        self.error = None  # the same for an error
        self.text = None  # the text of LangChain's last chunk; None if it brings more
        self.is_refused = False  # whether the model has said that it will not answer

    def __getattr__(self, name):
        """Return what is not defined here: it is the library's."""
        return getattr(self.completions, name)

    # LangChain writes `with create(...) as chunks:`. This line lets a function be used
    # like that: it runs to its yield, and goes on at the end of the block.
    @contextmanager
    def create(self, **request):
        """Ask for a stream, and close it in the end."""
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
        # left out. LangChain refuses JSON that is not a dict.
        if self.text is None and isinstance(chunk, dict):
            # Without a check, as the library makes it.
            chunk = ChatCompletionChunk.construct(**chunk)
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
