"""Why a step does not go on."""


class Refusal(Exception):
    """A rule forbids the step. The text says what is wrong and what to do; nothing was changed by it."""


class Unfinished(Exception):
    """Something did not answer or take effect. What was done so far is right; running the step again completes it."""
