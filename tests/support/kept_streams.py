"""A model whose streams nothing closes by chance."""

from lessons.course.for_checks.scripted_model import ScriptedModel


class Kept(ScriptedModel):
    """A model whose streams are held on to, so that nothing closes them by chance."""

    def __init__(self, *script):
        super().__init__(*script)
        self.streams = []

    def stream(self, prompt):
        self.streams.append(super().stream(prompt))
        return self.streams[-1]
