"""The same program without lean.py: with the openai library's own client."""

import gc

import app as program

gc.set_threshold(700)
program.model.client = program.model.root_client.chat.completions
app = program.app
