"""The one exception a user is meant to see."""


class InputError(ValueError):
    """Input that cannot be used: one sentence that names the parameter and what is allowed.

    In a notebook the sentence is shown alone, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"InputError: {self}"]
