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

"""Runs: the same with and without interruption, on one process or two; failures say what to do."""

import copy
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import lightning
import numpy as np
import pytest
import tiny_training
import torch
import yaml
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data.samples.sample import Sample, collate
from hoisdf_model.errors import ConfigError, DatasetError, TrainingError
from hoisdf_model.network import load_network
from hoisdf_model.training import build_run, newest_checkpoint, read_config, run, train
from hoisdf_model.training.average import MovingAverage
from hoisdf_model.training.module import TrainingModule

COMPACT = Path(__file__).parents[2] / "hoisdf_model" / "assets" / "training" / "compact.yaml"
# no dropout, and norms that don't depend on the batch: what is left depends on the samples alone
STEADY = ("frozen_statistics=true", "data.preparation.augmentation.turned=0")


class KilledError(Exception):
    """Stands in for a kill signal."""


@pytest.fixture
def curve(monkeypatch):
    """Losses by step, of all training in the test; training is killed at step ``curve["kill"]``."""
    seen = {"kill": None, "losses": {}}
    original = TrainingModule.training_step

    def step(self, batch, batch_index):
        if self.global_step == seen["kill"]:
            raise KilledError
        total = original(self, batch, batch_index)
        seen["losses"].setdefault(self.global_step, []).append(total.item())
        return total

    monkeypatch.setattr(TrainingModule, "training_step", step)
    return seen


def start(folder, *changes, **options):
    return train(build_run(tiny_training.config(*changes), folder, tiny_training.sources()), progress=False, **options)


@pytest.mark.parametrize("kill", [3, 5])  # between two epochs of three steps, and in the middle of one
def test_interrupted_run_has_the_same_loss_curve_and_weights(kill, curve, tmp_path):
    whole = start(tmp_path / "whole", "checkpoint_steps=1")
    expected, curve["losses"], curve["kill"] = curve["losses"], {}, kill
    with pytest.raises(KilledError):
        start(tmp_path / "broken", "checkpoint_steps=1")
    assert newest_checkpoint(tmp_path / "broken").name == f"step{kill}.ckpt"
    curve["kill"] = None
    resumed = start(tmp_path / "broken", "checkpoint_steps=1", resume=True)
    assert curve["losses"] == expected
    assert sorted(expected) == list(range(6))
    assert resumed == whole
    weights = [load_file(tmp_path / name / run.WEIGHTS) for name in ("whole", "broken")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_that_stops_by_the_clock_goes_on_where_it_was(curve, tmp_path):
    start(tmp_path / "whole")
    expected, curve["losses"] = curve["losses"], {}
    start(tmp_path / "broken", minutes=1e-6)  # after the first step
    assert 0 < len(curve["losses"]) < len(expected)
    start(tmp_path / "broken", resume=True)
    assert curve["losses"] == expected
    weights = [load_file(tmp_path / name / run.WEIGHTS) for name in ("whole", "broken")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_killed_run_leaves_the_averaged_weights_of_its_last_validation(curve, tmp_path):
    start(tmp_path / "shorter", "epochs=1", "ema=0.5", "optimiser.schedule=constant")
    curve["kill"] = 5  # epochs have three steps
    with pytest.raises(KilledError):
        start(tmp_path / "killed", "ema=0.5", "optimiser.schedule=constant")
    left, expected = (load_file(tmp_path / name / run.WEIGHTS) for name in ("killed", "shorter"))
    assert all(torch.equal(left[name], expected[name]) for name in expected)


def test_kill_costs_at_most_the_checkpoint_interval(curve, tmp_path):
    curve["kill"] = 5
    with pytest.raises(KilledError):
        start(tmp_path, "checkpoint_steps=2")
    curve["kill"] = None
    start(tmp_path, "checkpoint_steps=2", resume=True)
    assert {step: len(losses) for step, losses in curve["losses"].items()} == {0: 1, 1: 1, 2: 1, 3: 1, 4: 2, 5: 1}
    assert curve["losses"][4][0] == curve["losses"][4][1]


def test_accumulated_batches_make_one_step_and_resume(curve, tmp_path):
    changes = ("optimiser.accumulate=3", "data.epoch_samples=24", "checkpoint_steps=1")
    start(tmp_path / "whole", *changes)
    expected, curve["losses"], curve["kill"] = curve["losses"], {}, 3
    assert {step: len(losses) for step, losses in expected.items()} == {0: 3, 1: 3, 2: 3, 3: 3}
    with pytest.raises(KilledError):
        start(tmp_path / "broken", *changes)
    curve["kill"] = None
    start(tmp_path / "broken", *changes, resume=True)
    assert curve["losses"] == expected


def test_run_folder_describes_itself(tmp_path):
    start(tmp_path)
    config = read_config(tmp_path / "config.yaml")
    assert config.network == tiny_training.NETWORK
    assert config.data.batch_size == 4
    (record,) = yaml.safe_load((tmp_path / "record.yaml").read_text())
    assert set(record) >= {"started", "command", "git", "python", "packages", "devices", "network_parameters"}
    assert record["packages"]["torch"] == torch.__version__
    network, _ = load_network(tmp_path / run.WEIGHTS)
    assert sum(p.numel() for p in network.parameters()) == record["network_parameters"]
    log = EventAccumulator(str(tmp_path / "log"))
    log.Reload()
    scalars = set(log.Tags()["scalars"])
    assert {"loss/total", "loss/votes", "learning_rate", "gradient_norm", "validation/joints_mm"} <= scalars
    assert log.Tags()["images"] == ["validation"]


def test_averaged_weights_are_exported_and_training_goes_on_from_the_others(tmp_path):
    start(tmp_path, "checkpoint_steps=6")
    saved = load_file(tmp_path / run.WEIGHTS)
    checkpoint = torch.load(newest_checkpoint(tmp_path), weights_only=True)
    name = "vote_head.offsets.layers.0.weight"
    torch.testing.assert_close(saved[name], checkpoint["state_dict"][f"network.{name}"].half())
    assert not torch.equal(saved[name], checkpoint["current_model_state"][f"network.{name}"].half())


def test_average_follows_its_formula():
    class Line(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(1, 1, bias=False)
            self.register_buffer("steps", torch.tensor(0))

    module, average = Line(), MovingAverage(0.5)
    trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    average.setup(trainer, module, "fit")
    expected = 0.0
    for step in range(1, 30):
        with torch.no_grad():
            module.line.weight.fill_(step**0.5)
            module.steps.fill_(step)
        trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = step
        average.on_train_batch_end(trainer, module, None, None, 0)
        average.on_train_batch_end(trainer, module, None, None, 0)  # the second batch of an accumulated step
        decay = min(0.5, (1 + step) / (10 + step)) if step > 1 else 0
        expected = decay * expected + (1 - decay) * step**0.5
    average.on_validation_epoch_start(trainer, module)
    assert module.line.weight.item() == pytest.approx(expected, rel=1e-5)
    assert module.steps.item() == 29
    average.on_validation_epoch_end(trainer, module)
    assert module.line.weight.item() == pytest.approx(29**0.5)


def test_number_that_is_not_finite_stops_the_run_and_saves_the_batch(tmp_path):
    built = build_run(tiny_training.config(), tmp_path, tiny_training.sources())
    with torch.no_grad():
        built.network.vote_head.offsets.layers[0].weight[0, 0] = torch.nan
    with pytest.raises(TrainingError, match=r"step 0: the loss is nan: .*votes nan.*step_0_process_0\.pt"):
        train(built, progress=False)
    saved = torch.load(tmp_path / run.RESCUED / "step_0_process_0.pt", weights_only=True)
    assert Sample(**saved["batch"]).index.tolist() == [0, 1, 2, 3]
    assert saved["network"].keys() == built.network.state_dict().keys()


def test_gradient_that_is_not_finite_names_its_parameter(tmp_path):
    built = build_run(tiny_training.config(), tmp_path, tiny_training.sources())
    built.network.shape_head.layers[0].weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(TrainingError, match=r"gradient isn't finite in shape_head\.layers\.0\.weight"):
        train(built, progress=False)
    assert (tmp_path / run.RESCUED).exists()


def test_too_little_gpu_memory_comes_with_advice(tmp_path, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TrainingModule, "training_step", full)
    advice = r"--resume and data\.batch_size=2 with optimiser\.accumulate=2, or hardware\.precision=bfloat16"
    with pytest.raises(TrainingError, match=advice):
        start(tmp_path)


def test_an_error_in_a_worker_process_is_told_without_its_traceback(tmp_path, monkeypatch):
    def damaged(*_):
        try:
            raise DatasetError("the shard 00000.tar is damaged")
        except DatasetError:
            torch._utils.ExceptionWrapper(where="in DataLoader worker process 0").reraise()  # as torch's loader does

    monkeypatch.setattr(TrainingModule, "training_step", damaged)
    with pytest.raises(DatasetError, match=r"^the shard 00000\.tar is damaged$"):
        start(tmp_path)


def test_folder_with_a_run_is_not_overwritten_and_an_empty_one_not_resumed(tmp_path):
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        start(tmp_path, resume=True)
    start(tmp_path, "epochs=1")
    with pytest.raises(TrainingError, match="holds a run already"):
        start(tmp_path, "epochs=1")


def test_half_written_checkpoint_is_passed_over(tmp_path, caplog):
    start(tmp_path, "epochs=1", "checkpoint_steps=1")
    newest = newest_checkpoint(tmp_path)
    newest.write_bytes(newest.read_bytes()[:-100])
    assert newest_checkpoint(tmp_path).name == "step2.ckpt"
    assert f"{newest} is damaged" in caplog.text


def test_model_card_tells_data_recipe_curve_and_limits(curve, tmp_path):
    curve["kill"] = 4
    with pytest.raises(KilledError):
        start(tmp_path)
    curve["kill"] = None
    start(tmp_path, resume=True)
    card = (tmp_path / run.CARD).read_text()
    rows = [line for line in card.splitlines() if line.startswith(("| 3 |", "| 6 |"))]
    assert len(rows) == 2  # the validation before the interruption, too
    assert all(part in card for part in ("0.08 million", "6 steps of adamw", "synthetic", "Licence", "joints_mm"))


def test_start_from_takes_weights_over_and_refuses_others(tmp_path):
    start(tmp_path / "first", "epochs=1")
    weights = tmp_path / "first" / run.WEIGHTS
    built = build_run(replace(tiny_training.config(), start_from=str(weights)), tmp_path, tiny_training.sources())
    saved = load_file(weights)
    assert all(torch.equal(value, saved[name].to(value.dtype)) for name, value in built.network.state_dict().items())
    other = copy.deepcopy(tiny_training.NETWORK)
    other["attention"]["feedforward"] = 64
    with pytest.raises(ConfigError, match=r"don't fit the configured network: .* such as hand_decoder"):
        build_run(
            replace(tiny_training.config(), start_from=str(weights), network=other), tmp_path, tiny_training.sources()
        )


@pytest.mark.parametrize("frozen", [False, True])
def test_loaded_weights_are_trained_in_training_mode(frozen, tmp_path, monkeypatch):
    start(tmp_path / "first", "epochs=1")
    modes = []
    original = TrainingModule.training_step
    monkeypatch.setattr(
        TrainingModule,
        "training_step",
        lambda self, *a: modes.append((self.network.training, self.network.encoder.bn1.training)) or original(self, *a),
    )
    settings = tiny_training.config("epochs=2", f"frozen_statistics={str(frozen).lower()}")
    settings = replace(settings, start_from=str(tmp_path / "first" / run.WEIGHTS))
    train(build_run(settings, tmp_path / "second", tiny_training.sources()), progress=False)
    assert modes == [(True, not frozen)] * 6


def test_at_first_only_maps_and_fields_are_trained(tmp_path):
    module, samples = steady_module(tmp_path)
    batch = collate(samples)
    everything, _ = module.losses_of(batch, step=0)
    module.curriculum.config.image_epochs = 1
    images, total = module.losses_of(batch, step=0)
    assert set(images) == {"hand_distance", "object_distance", "heatmap", "hand_mask", "object_mask"}
    for name, value in images.items():
        assert value.item() == pytest.approx(everything[name].item(), rel=1e-5), name
    total.backward()
    trained = {name.split(".")[0] for name, p in module.network.named_parameters() if p.grad is not None}
    assert trained == {"encoder", "decoder", "image_heads", "field_features", "hand_field", "object_field"}
    later, _ = module.losses_of(batch, step=module.epoch_steps)
    assert set(later) == set(everything)


def test_memory_format_changes_no_losses(tmp_path):
    losses = []
    for last in ("false", "true"):
        changes = (*STEADY, f"hardware.channels_last={last}")
        built = build_run(tiny_training.config(*changes), tmp_path, tiny_training.sources())
        convolutions = [m.weight for m in built.network.modules() if isinstance(m, torch.nn.Conv2d)]
        lying = [w.is_contiguous(memory_format=torch.channels_last) for w in convolutions if min(w.shape[1:3]) > 1]
        assert all(lying) == (last == "true")
        built.module.train()
        torch.manual_seed(0)
        found, _ = built.module.losses_of(collate([built.data.training[i] for i in range(2)]), step=0)
        losses.append({name: value.item() for name, value in found.items()})
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_bfloat16_trains(tmp_path):
    scores = start(tmp_path, "hardware.precision=bfloat16", "epochs=1")
    assert np.isfinite(list(scores.values())).all()


def test_few_frames_are_learnt(tmp_path):
    changes = ("data.epoch_samples=240", "epochs=1", "ema=0", "optimiser.learning_rate=0.005", "losses.preset=compact")
    built = build_run(tiny_training.config(*changes), tmp_path, tiny_training.sources(), overfit=2)
    assert built.config.data.validation_samples == 2
    batch = collate([built.data.training[i] for i in range(4)])
    torch.testing.assert_close(batch.image[:2], batch.image[2:])
    before = built.module.losses_of(batch, 0)[1].item()
    scores = train(built, progress=False)
    after = built.module.losses_of(batch, 0)[1].item()
    assert after < 0.5 * before
    assert scores["validation/joints_mm"] < 60
    assert "the same 2 samples" in (tmp_path / run.CARD).read_text()


@pytest.fixture
def few_frames(monkeypatch):
    monkeypatch.setattr(run, "build_source", lambda config, hand_model: tiny_training.sources(2).training[0])
    return [
        str(COMPACT),
        *tiny_training.CHANGES,
        *(f"network.{key}={value}" for key, value in flat(tiny_training.NETWORK)),
        "network.root=null",  # the tiny network has none
    ]


def flat(mapping, path=""):
    for key, value in mapping.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", str(value).replace(" ", "")


def test_dry_run_reports_and_writes_nothing(few_frames, tmp_path):
    named = ["compact", *few_frames[1:]]
    result = CliRunner().invoke(app, ["train", *named, "--dry-run", "--output", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert "0.08 million parameters" in result.output
    assert "2 epochs of 3 steps, 4 samples in a batch" in result.output
    assert "voted_joints" in result.output
    assert not (tmp_path / "run").exists()


def test_train_command_trains_and_resumes(few_frames, tmp_path):
    arguments = ["train", *few_frames, "--output", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [*arguments, "epochs=1"])
    assert result.exit_code == 0, result.output
    assert "joints_mm" in result.output
    assert newest_checkpoint(tmp_path / "run").name == "step2.ckpt"
    result = CliRunner().invoke(app, [*arguments, "--resume"])
    assert result.exit_code == 0, result.output
    assert newest_checkpoint(tmp_path / "run").name == "step6.ckpt"
    assert len(yaml.safe_load((tmp_path / "run" / "record.yaml").read_text())) == 2


def test_a_resumed_run_with_another_configuration_is_told_so(tmp_path, caplog):
    start(tmp_path, "epochs=1", "checkpoint_steps=1")
    with caplog.at_level("WARNING"):
        start(tmp_path, "epochs=2", "checkpoint_steps=1", "losses.weights.heatmap=0.5", resume=True)
    told = [r.getMessage() for r in caplog.records if "changed configuration" in r.getMessage()]
    assert [line.split(", ", 1)[1] for line in told] == ["epochs: 1 -> 2", "losses.weights.heatmap: None -> 0.5"]


def test_train_command_names_an_unknown_key():
    result = CliRunner().invoke(app, ["train", str(COMPACT), "optimiser.momentum=0.9"])
    assert isinstance(result.exception, ConfigError)
    assert "'optimiser.momentum'" in str(result.exception)


@pytest.mark.parametrize("wrong", ["compakt", "compact.yaml", "runs"])
def test_train_command_lists_the_recipes_where_there_is_no_configuration(wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    result = CliRunner().invoke(app, ["train", wrong, "--dry-run"])
    assert isinstance(result.exception, ConfigError)
    assert f"no training configuration at {wrong}" in str(result.exception)
    assert all(path.stem in str(result.exception) for path in COMPACT.parent.iterdir())


def test_a_file_of_a_recipe_s_name_is_asked_for_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "compact").write_text("name: mine\nunknown_key: 1\n")
    result = CliRunner().invoke(app, ["train", "./compact", "--dry-run"])
    assert isinstance(result.exception, ConfigError)
    assert "unknown_key" in str(result.exception)


class Step(nn.Module):
    """Gives a module's total loss as a forward pass, for DistributedDataParallel."""

    def __init__(self, module, joined):
        super().__init__()
        self.module, self.joined = module, joined

    def forward(self, batch):
        queries = self.module.curriculum.queries(batch, 0, 3.1)
        return self.module._compare(batch, queries, joined=self.joined)[1]


def steady_module(folder):
    network = copy.deepcopy(tiny_training.NETWORK)
    network["attention"]["dropout"] = network["field"]["dropout"] = 0.0
    built = build_run(replace(tiny_training.config(*STEADY), network=network), Path(folder), tiny_training.sources())
    built.module.train()
    samples = [built.data.training[i] for i in range(4)]
    samples[3] = replace(samples[3], hand_known=torch.tensor(False), pose_known=torch.tensor(False))
    return built.module, samples


def gradients(module):
    return {name: p.grad.clone() for name, p in module.network.named_parameters() if p.grad is not None}


def worker(rank, folder):
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # gloo otherwise asks what the host's name resolves to
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    for joined in (True, False):
        module, samples = steady_module(folder)
        step = DistributedDataParallel(Step(module, joined))
        step(collate(samples[2 * rank : 2 * rank + 2])).backward()
        if rank == 0:
            torch.save(gradients(module), f"{folder}/gradients_{joined}.pt")
    distributed.destroy_process_group()


@pytest.mark.flaky(reruns=1)  # two processes that must meet on whatever else the machine does
def test_two_processes_have_the_gradients_of_one_with_the_joined_batch(tmp_path):
    workers = torch.multiprocessing.start_processes(worker, (str(tmp_path),), 2, join=False, start_method="spawn")
    deadline = time.monotonic() + 150
    while not workers.join(5):
        if time.monotonic() > deadline:  # what they found is in files by then, or they hang
            for process in workers.processes:
                process.kill()
            break
    module, samples = steady_module(tmp_path)
    Step(module, False)(collate(samples)).backward()
    expected = gradients(module)
    two, apart = (torch.load(tmp_path / f"gradients_{joined}.pt", weights_only=True) for joined in (True, False))
    assert two.keys() == expected.keys()
    largest = max(g.abs().max().item() for g in expected.values())

    def off(found):
        return max((found[name] - g).abs().max().item() for name, g in expected.items()) / largest

    assert off(two) < 1e-5
    assert off(apart) > 1e-3  # each process dividing by its own counts would not do
