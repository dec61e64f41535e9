"""The programs beside the notes: imported when asked, and again when a file changed.

A WSGI app, as a Flask app is one, is what a server calls for each request: with what is
known of the request (environ), and with a function that takes status and headers
(start_response). It returns the pieces of the body.
"""

import logging
from itertools import chain
from threading import Lock

from werkzeug.wsgi import ClosingIterator

from lessons.course.fresh_packages import forget
from lessons.course.live.end_threads import end_threads
from lessons.course.live.error_response import (
    BrokenProgram,
    answer_with,
    sentence_about,
)
from lessons.course.live.exit_guard import guard_exit
from lessons.course.live.starting import ProgramImport
from lessons.course.versions import files_in, version_of_files

READ_ONCE = {".py", ".html"}  # Flask keeps a template that it has read

log = logging.getLogger("lessons")


class FilesChanged(SystemExit):
    """Raised in what still runs of a program when its files have changed."""

    def __str__(self):
        return (
            "its files have changed, so the version that was running before was stopped"
        )


class Program:
    """A WSGI app that answers as the app of a folder does: a lesson's, or mine/."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.lock = Lock()  # one request imports, and the others wait for it
        self.version = None  # of its files when the latest import began
        self.latest = None  # a ProgramImport

    def __call__(self, environ, start_response):
        """Answer as the app does, or with a 500 and a sentence where it breaks."""
        heads = []  # status and headers, kept back until the first piece is there
        body = ()
        try:
            app = self.current_app()
            body = app(environ, lambda *head: heads.append(head))
            pieces = iter(body)
            first = next(pieces, b"")
        except (Exception, SystemExit) as error:
            if hasattr(body, "close"):
                body.close()
            sentence = sentence_about(error, self.folder)
            log.error(sentence)
            return answer_with(sentence, environ)(environ, start_response)
        start_response(*heads[-1])
        rest = self.without_exit(pieces)
        return ClosingIterator(chain([first], rest), getattr(body, "close", None))

    def without_exit(self, pieces):
        """Yield the pieces; where a program ends Python, only its answer breaks off."""
        try:
            # yield from would close the pieces, which are closed once more at the end
            for piece in pieces:  # noqa: UP028
                yield piece
        except SystemExit as error:
            raise BrokenProgram(sentence_about(error, self.folder)) from None

    def current_app(self):
        """Return the app as the files are now; raise BrokenProgram if there is none."""
        with self.lock:
            version = self.version_now()
            if version != self.version:
                self.import_again()
                self.version = version
            return self.latest.result()

    def version_now(self):
        """Return a hash of the files that are read at an import, or once after it.

        The time of a file would not do: a copy can have the time of its original.
        """
        read = [path for path in files_in(self.folder) if path.suffix in READ_ONCE]
        return version_of_files(read, self.folder)

    def import_again(self):
        """Begin to import the files as they are now; end what runs of the old ones."""
        guard_exit()
        if self.latest:
            end_threads(self.latest.package, FilesChanged)
            forget(self.latest.package)
        self.latest = ProgramImport(self.folder)
        self.latest.start()
