"""The two errors of the data standard: a value that cannot be read, and a catalogue that cannot be loaded."""


class InvalidValueError(ValueError):
    """A value does not have the form its field asks for.

    `field` is the key of the field ("id" for the number of a subject), `hint` says in Chinese what to do.
    Neither ever holds the value, nor a part of it.
    """

    def __init__(self, field: str, hint: str) -> None:
        super().__init__(f"{field}: {hint}")
        self.field = field
        self.hint = hint


class CatalogueError(ValueError):
    """A catalogue file is wrong; names the file and the key, and says what is the matter."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}")
        self.file = file
        self.key = key
        self.problem = problem
