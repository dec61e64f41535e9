"""What models cost: prices change, so look yours up, and write them here."""

PRICES = {  # by MODEL in .env: dollars per million tokens, read and written
    "openai:gpt-5-pro": (15.00, 120.00),
    "openai:gpt-4.1-mini": (0.40, 1.60),
    "anthropic:claude-haiku-4-5": (1.00, 5.00),
    "anthropic:claude-practice": (1.00, 5.00),
}


def cost_of(usage, name):
    """Return what an answer cost, in dollars; None for a model without a price here."""
    if name not in PRICES:
        return None
    to_read, to_write = PRICES[name]
    read = usage["input_tokens"] * to_read
    written = usage["output_tokens"] * to_write
    return (read + written) / 1_000_000
