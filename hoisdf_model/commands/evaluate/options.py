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
