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

"""Options of the commands that run a network over labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Split = Annotated[
    str | None, typer.Option(help="Of DexYCB (s0_test where not given) or HO-3D (evaluation).", show_default=False)
]
ObjectModels = Annotated[
    Path | None,
    typer.Option(
        "--models",
        help="Folder of the YCB-Video models, for DexYCB and HO-3D; models in the download where not given.",
        show_default=False,
    ),
]
Objects = Annotated[Path | None, typer.Option(help="Folder with object meshes of your own, beside the catalogue's.")]
HandModelFile = Annotated[
    Path | None, typer.Option("--hand-model", help="Hand model (.pkl or .npz); the weights' own or open.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda ...")]
BatchSize = Annotated[int, typer.Option(min=1, help="Frames at once.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that draw or read frames; 0: only this one.")]
