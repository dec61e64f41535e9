"""A short wait before more of an answer is read, while the processor is too busy.

Each answer has a thread of its own. Only one thread at a time runs Python, so they take
turns. 500 readers with 50 words a second each need 25,000 turns a second, which is more
than there are. The readers who suffer are those who come last: a question needs a dozen
turns before its first word, and each comes after those of all the others. They waited
for more than four seconds.

So while the processor is too busy, an answer waits 30 to 100 milliseconds before it
looks for more. Then several words have come, and one turn is enough to read them all.
Each word comes a little later, which a reader does not see. The last of the 500 got a
first word after about two seconds instead of four and a half.
"""

from threading import Lock
from time import monotonic, process_time, sleep

BETWEEN_LOOKS = 0.05  # seconds from one look at the processor to the next
BUSY = 0.85  # above this share of one processor's time, the waits grow
CALM = 0.7  # below this share, they shrink
SHORTEST = 0.03  # seconds: a shorter wait would rarely bring a second word
LONGEST = 0.1  # seconds: readers do not see that words come up to this much later


class Pace:
    """How long the answers of this process wait before they look for more."""

    def __init__(self):
        self.seconds = 0.0  # how long to wait
        self.lock = Lock()  # only one answer at a time may use these
        self.time = monotonic()  # when look() was last called
        self.used = process_time()  # seconds that this process had computed by then

    def wait(self):
        """Wait for as long as the processor is busy enough to need it."""
        with self.lock:
            if monotonic() - self.time >= BETWEEN_LOOKS:
                self.look()
            seconds = self.seconds
        if seconds:  # not inside the lock: all may wait at the same time
            sleep(seconds)

    def look(self):
        """See which share of a processor this process has used since the last look."""
        time = monotonic()
        used = process_time()
        self.adjust((used - self.used) / (time - self.time))
        self.time = time
        self.used = used

    def adjust(self, share):
        """Make the waits longer or shorter, by the share of a processor that is used.

        Between CALM and BUSY they stay as they are, and they grow faster than they
        shrink. Otherwise they would swing between too long and too short.
        """
        if share > BUSY:
            self.seconds = min(max(self.seconds * 1.5, SHORTEST), LONGEST)
        elif share < CALM:
            self.seconds *= 0.85
            if self.seconds < SHORTEST:
                self.seconds = 0.0
