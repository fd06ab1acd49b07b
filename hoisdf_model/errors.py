"""Typed errors of the package.

Every message says what was wrong, where, and what would be right. Each class also derives from the
built-in exception a caller would expect, so ``except ValueError`` keeps working.
"""

import yaml

LONGEST = 1200  # characters of an error's text
UNREADABLE = (
    OSError,
    ValueError,
    RecursionError,
    yaml.YAMLError,
)  # raised while YAML or JSON is read


def one_line(text: object) -> str:
    """A text as one line that can be printed, whatever was in it; where it is long its middle is left out."""
    line = " ".join(str(text).split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


class HoisdfError(Exception):
    """Root of all errors raised on purpose by this package.

    Its text is one line: what parsers say has several, and what comes from outside may have anything.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


class InvalidInputError(HoisdfError, ValueError):
    """An argument has the wrong shape, dtype, range or unit."""


class CameraError(InvalidInputError):
    """Intrinsics are missing, uncalibrated, not finite, or belong to an image of another size."""


class ImageError(InvalidInputError):
    """An image can't be decoded, is empty, or has an unknown encoding."""


class ConfigError(InvalidInputError):
    """A configuration has an unknown key, a value out of range, or an unknown preset name."""


class CheckpointError(HoisdfError, ValueError):
    """A weights file is missing, corrupt, of another preset, or lacks or has unknown keys."""


class HandModelError(HoisdfError, ValueError):
    """A hand model file is missing, corrupt or has arrays of the wrong shape."""


class UnsafeFileError(HoisdfError, ValueError):
    """A file asks for something that could execute code, and was refused."""


class MeshError(HoisdfError, ValueError):
    """A mesh file is missing, can't be read, or isn't usable as an object."""


class BagError(HoisdfError, ValueError):
    """A rosbag is missing, damaged, or lacks a topic that is needed."""


class DatasetError(HoisdfError, ValueError):
    """A data set or grasp library is missing or damaged, or can't be written."""


class GraspError(HoisdfError, ValueError):
    """A recorded grasp is missing or damaged, or a demonstration gives none."""


class DependencyError(HoisdfError, ImportError):
    """A library or system package that this function needs isn't installed."""


class TrainingError(HoisdfError, RuntimeError):
    """A training run can't go on: numbers aren't finite, memory is short, or its folder doesn't fit."""


class EvaluationError(HoisdfError, ValueError):
    """The results of an evaluation are missing or damaged, belong to another one, or can't be written."""


def as_raised(error: HoisdfError) -> HoisdfError:
    """The error as it was raised, where it comes from a loading process: torch gives it a traceback for its message."""
    text = Exception.__str__(error)  # as it was given: a traceback ends with what is wanted
    if not text.startswith("Caught "):
        return error
    return type(error)(text.rpartition(f"{type(error).__qualname__}: ")[2].strip())
