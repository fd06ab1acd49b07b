# Copyright 2026 hoisdf contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
NO_NUMBER = (TypeError, ValueError, OverflowError)  # raised while numbers are made of what was read


def one_line(text: object) -> str:
    """Text as one printable line, shortened in the middle."""
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
    """Error of missing, uncalibrated or unsuitable intrinsics.

    Not finite, or of an image of another size.
    """


class ImageError(InvalidInputError):
    """An image can't be decoded, is empty, or has an unknown encoding."""


class ConfigError(InvalidInputError):
    """Configuration error: unknown key, invalid value or unknown preset."""


class CheckpointError(HoisdfError, ValueError):
    """Error of a weights file.

    Missing, corrupt, of another preset, or with missing or unknown keys.
    """


class HandModelError(HoisdfError, ValueError):
    """Error of a hand model file: missing, corrupt or wrongly shaped."""


class UnsafeFileError(HoisdfError, ValueError):
    """Error of a file that could execute code and was refused."""


class MeshError(HoisdfError, ValueError):
    """Error of a mesh file: missing, unreadable or unusable as an object."""


class BagError(HoisdfError, ValueError):
    """A rosbag is missing, damaged, or lacks a topic that is needed."""


class DatasetError(HoisdfError, ValueError):
    """Error of a data set or grasp library.

    Missing or damaged, or can't be written.
    """


class GraspError(HoisdfError, ValueError):
    """A recorded grasp is missing or damaged, or a demonstration gives none."""


class DependencyError(HoisdfError, ImportError):
    """A library or system package that this function needs isn't installed."""


class TrainingError(HoisdfError, RuntimeError):
    """Error of a training run.

    Numbers aren't finite, memory is short, or its folder doesn't fit.
    """


class EvaluationError(HoisdfError, ValueError):
    """Error of evaluation results.

    Missing or damaged, of another evaluation, or can't be written.
    """


def as_raised(error: HoisdfError) -> HoisdfError:
    """Original error of a loading process.

    torch replaces its message by a traceback.
    """
    text = Exception.__str__(error)  # as it was given: a traceback ends with what is wanted
    if not text.startswith("Caught "):
        return error
    return type(error)(text.rpartition(f"{type(error).__qualname__}: ")[2].strip())
