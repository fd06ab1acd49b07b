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

"""Commands whose options are the fields of a dataclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

Options = TypeVar("Options")


def command_of(run: Callable[[Options], None], options: type[Options]) -> Callable[..., None]:
    """Function for ``typer`` with one parameter for each field of ``options``.

    Args:
        run: does the work; its name and docstring are the command's.
        options: dataclass with fields annotated as ``typer`` wants its parameters.
    """
    hints = get_type_hints(options, include_extras=True)

    def command(**values: Any) -> None:
        run(options(**values))

    command.__name__, command.__doc__, command.__annotations__ = run.__name__, run.__doc__, hints
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[field.name],
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
            )
            for field in fields(options)  # type: ignore[arg-type]
        ]
    )  # fmt: skip
    return command
