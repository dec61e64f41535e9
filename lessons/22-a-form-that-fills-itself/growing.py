"""A JSON object that is read while it is being written.

JSON has texts, numbers, true, false and null, and two kinds of value that hold others:
objects and lists. A GrowingObject reads one letter at a time and remembers where it is.
So it does not matter where the model's pieces are cut, and no letter is read twice.
"""

import json
import re
from math import isinf

from failures import Failure, Unfinished, can_be_sent

DOES_NOT_FIT = Failure(
    502, "What the model wrote does not fit the form: ask again, or in another way."
)
DEEPEST = 20  # an object may hold others, but not without end
SPACE = " \t\n\r"  # that JSON allows between its parts
ESCAPES = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
# A number, or one of three words. In the pattern, (?: ) makes a group, and ? means
# that what is before it may be missing.
BARE = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null"
)


class GrowingObject:
    """The first JSON object in a text that grows.

    `text` is the object's own text so far, without what the model writes around it.
    """

    def __init__(self):
        self.text = ""
        self.brace = ""  # that may begin the object, and the space after it
        self.half = ""  # of a letter, if a piece has ended in the middle of one
        self.news = []  # of the piece that is being read
        self.open = []  # each object or list that is open: the names in it, or None
        self.path = []  # the name or index in each of them: ["related", 0]
        self.new = ""  # what has come of a text and is not in the news yet
        self.is_name = False  # whether that text is a name
        self.has_begun = False  # whether something of that text is in the news
        self.bare = ""  # what has come of a number, or of true, false or null
        self.code = ""  # what has come of the four digits after \u
        self.read_letter = self.before  # the method that reads the next letter

    def read(self, piece):
        """Read the next piece of the text; return (text, news).

        The text is the part of the piece that belongs to the object. The news is dicts:
        {"at": path, "add": text} for more of a text, {"at": path, "set": value} for a
        number, true, false or null that is complete, or for a list or an object that
        begins. Raise Unfinished for what is not JSON.
        """
        self.news = []
        text = ""
        for letter in self.whole_letters(piece):
            was_open = bool(self.open)
            self.read_letter(letter)
            if was_open or self.open:
                text += self.brace + letter
                self.brace = ""
        self.tell_text()
        self.text += text
        return text, self.news

    def whole_letters(self, piece):
        """Return a piece with whole letters; half of one at its end has to wait."""
        piece = joined(self.half + piece)
        self.half = ""
        if is_first_half(piece[-1:]):
            self.half = piece[-1]
            piece = piece[:-1]
        return piece

    # Each of these methods reads one letter, and says which method reads the next.

    def before(self, letter):
        """Look for the brace that begins the object."""
        if letter == "{":
            self.brace = letter
            self.read_letter = self.after_brace

    def after_brace(self, letter):
        """Begin the object if a name follows its brace; else the brace was prose."""
        if letter in SPACE:
            self.brace += letter
        elif letter == '"':
            self.begin_object()
            self.first_name(letter)
        else:
            self.brace = ""
            self.read_letter = self.before
            self.before(letter)

    def after_all(self, letter):
        """Ignore what follows the object."""

    def value(self, letter):
        """Begin a value, by its first letter."""
        if letter in SPACE:
            return
        if letter == "{":
            self.tell(set={})
            self.begin_object()
        elif letter == "[":
            self.tell(set=[])
            self.begin(None, 0, self.first_item)
        elif letter == '"':
            self.begin_text(is_name=False)
        else:
            self.bare = letter
            self.read_letter = self.bare_value

    def first_item(self, letter):
        """Begin the first item of a list, unless the list ends here."""
        if letter == "]":
            self.end()
        elif letter not in SPACE:
            self.read_letter = self.value
            self.value(letter)

    def first_name(self, letter):
        """Begin the first name of an object, unless the object ends here."""
        if letter == "}":
            self.end()
        else:
            self.name(letter)

    def name(self, letter):
        """Begin a name, which is a text."""
        if letter == '"':
            self.begin_text(is_name=True)
        elif letter not in SPACE:
            raise Unfinished(DOES_NOT_FIT)

    def colon(self, letter):
        """Read the colon between a name and its value."""
        if letter == ":":
            self.read_letter = self.value
        elif letter not in SPACE:
            raise Unfinished(DOES_NOT_FIT)

    def in_text(self, letter):
        """Read a letter of a text, or its end."""
        if letter == '"':
            self.end_text()
        elif letter == "\\":
            self.read_letter = self.escape
        elif letter < " " or "\ud800" <= letter <= "\udfff":
            # a line break, say, which JSON writes as \n, or half of a letter
            raise Unfinished(DOES_NOT_FIT)
        else:
            self.new += letter

    def escape(self, letter):
        """Read the letter after a backslash."""
        if letter == "u":
            self.code = ""
            self.read_letter = self.four_digits
        elif letter in ESCAPES:
            self.new += ESCAPES[letter]
            self.read_letter = self.in_text
        else:
            raise Unfinished(DOES_NOT_FIT)

    def four_digits(self, letter):
        r"""Read a digit of an escape such as \u00e9."""
        if letter not in "0123456789abcdefABCDEF":
            raise Unfinished(DOES_NOT_FIT)
        self.code += letter
        if len(self.code) == 4:
            self.new += chr(int(self.code, 16))  # digits in base 16
            self.read_letter = self.in_text

    def bare_value(self, letter):
        """Read on in a number, true, false or null, until something else follows."""
        if letter not in SPACE and letter not in ",]}":
            self.bare += letter
            return
        self.tell(set=bare_value_of(self.bare))
        self.read_letter = self.after_value
        self.after_value(letter)

    def after_value(self, letter):
        """Read what follows a value: a comma, or the end of what it is in."""
        names = self.open[-1]
        is_list = names is None
        if letter == ("]" if is_list else "}"):
            self.end()
        elif letter == "," and is_list:
            self.path[-1] += 1
            self.read_letter = self.value
        elif letter == ",":
            self.read_letter = self.name
        elif letter not in SPACE:
            raise Unfinished(DOES_NOT_FIT)

    # What they share

    def begin_object(self):
        self.begin(set(), None, self.first_name)

    def begin(self, names, place, read_letter):
        """Begin an object or a list."""
        if len(self.open) == DEEPEST:
            raise Unfinished(DOES_NOT_FIT)
        self.open.append(names)
        self.path.append(place)
        self.read_letter = read_letter

    def end(self):
        """End the object or list that was begun last."""
        self.open.pop()
        self.path.pop()
        self.read_letter = self.after_value if self.open else self.after_all

    def begin_text(self, is_name):
        self.new = ""
        self.is_name = is_name
        self.has_begun = False
        self.read_letter = self.in_text

    def end_text(self):
        """End a text: it is the name of the value that follows, or a value."""
        if not self.is_name:
            self.tell_text(is_whole=True)
            self.read_letter = self.after_value
            return
        names = self.open[-1]
        name = whole_text(self.new)
        if name in names:  # a field is written once
            raise Unfinished(DOES_NOT_FIT)
        names.add(name)
        self.path[-1] = name
        self.new = ""
        self.read_letter = self.colon

    def tell_text(self, is_whole=False):
        """Add to the news what is new in a text; half of a letter has to wait."""
        if self.is_name:
            return
        if is_first_half(self.new[-1:]) and not is_whole:
            return
        if self.new or (is_whole and not self.has_begun):
            self.tell(add=whole_text(self.new))
            self.new = ""
            self.has_begun = True

    def tell(self, **what):
        self.news.append({"at": list(self.path), **what})


def bare_value_of(bare):
    """Return a number, true, false or null; raise Unfinished for anything else."""
    if not BARE.fullmatch(bare):
        raise Unfinished(DOES_NOT_FIT)
    try:
        value = json.loads(bare)
    except ValueError:  # a number of more digits than Python reads
        raise Unfinished(DOES_NOT_FIT) from None
    if isinstance(value, float) and isinf(value):  # such as 1e999
        raise Unfinished(DOES_NOT_FIT)
    return value


# A letter such as an emoji may come in two halves: JSON can write it as \ud83d\udc4b.


def joined(text):
    """Return a text in which the two halves of a letter are one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def whole_text(text):
    """Return a text with whole letters; raise Unfinished if it has half of one."""
    text = joined(text)
    if not can_be_sent(text):
        raise Unfinished(DOES_NOT_FIT)
    return text


def is_first_half(letter):
    return "\ud800" <= letter <= "\udbff"
