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

"""An evaluation by several processes: shares of the frames, and the same results as by one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from labelled_frames import BOX, frame
from test_evaluation_run import Knowing, run
from tiny_network import tiny_network
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.commands.evaluate.worker_processes import Processes, side_by_side
from hoisdf_model.data import shards
from hoisdf_model.errors import CheckpointError, ConfigError, EvaluationError
from hoisdf_model.evaluation import Contender, RecordFile, read_records
from hoisdf_model.evaluation.runs.sharding import gather, shard_file, shard_of
from hoisdf_model.network import save_network

ROOT = Path(__file__).parents[2]


def test_shares_are_whole_batches_and_all_of_them():
    frames = [3, 4, 5, 6, 8, 9, 11]
    assert [shard_of(frames, 2, rank, 2) for rank in range(2)] == [[3, 4, 8, 9], [5, 6, 11]]
    assert [shard_of(frames, 3, rank, 4) for rank in range(4)] == [[3, 4, 5], [6, 8, 9], [11], []]
    assert shard_of(frames, 3, 0, 1) == frames


def test_records_of_processes_that_were_interrupted_are_gathered(tmp_path):
    whole, about = tmp_path / "whole", {"weights": "x"}
    _, expected = run(whole, {"network": Contender(Knowing())}, numbers=range(4), about=about)
    records = RecordFile(tmp_path / "out", about)
    records.append(expected[:1])
    for rank, part in enumerate((expected[:2], expected[3:])):
        shard_file(records.folder, about, rank).append(part)
    with (records.folder / "process_1" / "frames.jsonl").open("a") as file:
        file.write('{"frame":2,"obj')  # killed while writing
    with pytest.raises(EvaluationError, match="differs in weights"):
        shard_file(records.folder, {"weights": "y"}, 0)
    RecordFile(records.folder / "process_1", about)  # as it is opened again, the unfinished line is dropped
    gather(records.folder, records)
    assert read_records(records.folder) == [expected[0], expected[1], expected[3]]
    assert not list(records.folder.glob("process_*"))


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = Processes.joined()
    assert (alone.leads, alone.count, alone.device("auto")) == (True, 1, "auto")
    assert alone.leader_first(lambda: 3) == 3
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "one")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ConfigError, match="can't meet"):
        Processes.joined()


def _kills_itself(options: None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_is_named_with_what_to_do():
    with pytest.raises(EvaluationError, match=r"process [01] of 2 was ended by SIGKILL; where memory ran out"):
        side_by_side(2, _kills_itself, None)


def test_torchrun_and_processes_do_not_go_together(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    ran = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--processes", "2"])
    assert isinstance(ran.exception, ConfigError)
    assert "leave out --processes" in str(ran.exception)


def test_weights_that_are_missing_are_said_once_before_processes_start(tmp_path, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    ran = CliRunner().invoke(
        app, ["evaluate", "-w", str(tmp_path / "none"), "--data", str(tmp_path), "--processes", "2"]
    )
    assert isinstance(ran.exception, CheckpointError), ran.output


@pytest.mark.parametrize(
    ("start", "more"),
    [(["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"], []),
     (["-m"], ["--processes", "2"])],
    ids=["torchrun", "side_by_side"],
)  # fmt: skip
def test_two_processes_write_what_one_does(tmp_path, start, more):
    data, weights = tmp_path / "data", tmp_path / "tiny.safetensors"
    BOX.export(tmp_path / "box.stl")
    shards.begin(data, 5, 5, {})
    shards.write_shard(data, 0, 5, 5, lambda index: (frame(index, 200), {}))
    network = tiny_network()
    save_network(network, network.config, weights, keep_hand_model=True)
    options = [
        "evaluate", "-w", str(weights), "--data", str(data), "--objects", str(tmp_path), "--untrained", "3",
        "--workers", "0", "--batch-size", "2", "--device", "cpu", "-o",
    ]  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as each of two has it
    try:
        alone = CliRunner().invoke(app, [*options, str(tmp_path / "one")])
    finally:
        torch.set_num_threads(threads)
    assert alone.exit_code == 0, alone.output
    outside = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    start = [sys.executable, *start, "hoisdf_model.cli", *options, str(tmp_path / "two"), *more]
    together = subprocess.run(
        start, env=outside | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert together.returncode == 0, together.stderr
    assert together.stdout.count("tiny on data: 5 frames,") == 1  # only one prints
    for name in ("frames.jsonl", "frames.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two")]
    assert all(summary.pop("frames_per_second") for summary in summaries)
    assert summaries[0] == summaries[1]
    one = (tmp_path / "one" / "frames.csv").read_text()
    assert len(one.splitlines()) == 1 + 5 * 4 + 3  # network, two means and truth; untrained of three
    assert not list((tmp_path / "two").glob("process_*"))
