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

"""Files that are damaged, each kind read as commands and nodes read it; part of ``fuzz.py``.

A kind has a maker of one sound file and a reader. What the reader gives is compared with the sound file's content where
a checksum in the file could have told the damage.
"""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import trimesh
from fuzz_messages import CAMERA, DEPTH, PICTURE, TYPES, Rng, damaged, expect, png_is_sound, text

from hoisdf_model.data import BagReader, BagWriter, ShardedFrames
from hoisdf_model.data.dataset_images import read_depth, read_rgb
from hoisdf_model.data.labelled_frames import LabelledFrame
from hoisdf_model.data.shards import _contents, begin, write_shard
from hoisdf_model.errors import HoisdfError
from hoisdf_model.evaluation.runs.mean_pose_baseline import read_mean_pose
from hoisdf_model.feeds import open_video
from hoisdf_model.geometry.camera_files import read_camera, write_camera
from hoisdf_model.grasping import load_gripper, read_grasp
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.hand_tracking import load_tracker_networks
from hoisdf_model.hand_tracking.weights import shipped_tracker
from hoisdf_model.messages import encode_image, make_header, pinhole_to_camera_info, read_image
from hoisdf_model.network import Hoisdf, NetworkConfig, read_weights, save_network
from hoisdf_model.objects.mesh_reading import read_mesh
from hoisdf_model.objects.object_records import read_record
from hoisdf_model.synthesis.grasps.library import load_library
from hoisdf_model.training.config import read_config
from hoisdf_model.training.starting import starting_weights

Read = Callable[[Path], None]
Make = Callable[[Path], Path]
ASSETS = Path(__file__).parents[1] / "hoisdf_model/assets"
SMALL = {
    "image_size": 64,
    "encoder": {"block": "basic", "depths": [1, 1, 1, 1], "width": 8},
    "decoder": {"bottleneck": 16, "laterals": None, "upsampled": [16, 16, 8, 8], "fused": [16, 16, 8, 8]},
    "field": {"frequencies": 3, "feature_hidden": [24], "latent": 16, "hidden": [64, 64, 64], "dropout": 0.1},
    "sampling": {"resolution": 32, "hand_points": 50, "object_points": 30},
    "attention": {"feature_hidden": [24], "width": 32, "heads": 2, "feedforward": 48},
}
WORDS = (".nan", ".inf", "1e999", "-1", "0", "true", "null", "[]", "{}", "''", "9" * 400, "1e-300",
         "!!python/object:os.system x",
         "[[[[1]]]]", "*a", "&a [*a]", "2024-01-01", "\t", "'", "0x10", "abc", "\ufeff", "- 1")  # fmt: skip


def damaged_text(data: bytes, rng: Rng) -> bytes:
    """A text file with words replaced, lines gone, doubled or exchanged, depth without end; or damaged as bytes."""
    choice = int(rng.integers(8))
    if choice == 0:
        return damaged(data, rng)
    if choice == 1:
        return data + (b"[" * 5000 if rng.random() < 0.5 else b"\na: " + b"{a: " * 2000)
    lines = data.decode().splitlines()
    at, other = (int(n) for n in rng.integers(0, len(lines), 2))
    if choice == 2:
        del lines[at : at + int(rng.integers(1, 4))]
    elif choice == 3:
        lines[at], lines[other] = lines[other], lines[at]
    elif choice == 4:
        lines[at] += text(lines[at], rng)
    else:
        for _ in range(int(rng.integers(1, 4))):
            joined = "\n".join(lines)
            words = list(re.finditer(r"[\w.+-]+", joined))
            word = words[int(rng.integers(len(words)))] if words else re.match("", joined)
            value = str(rng.choice([*WORDS, text(word[0], rng), word[0] + "9", f"-{word[0]}"]))
            lines = (joined[: word.start()] + value + joined[word.end() :]).splitlines() or [""]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _bag(suffix: str) -> Make:
    def make(folder: Path) -> Path:
        with BagWriter(folder / "sound", storage={".mcap": "mcap", ".db3": "sqlite3"}[suffix]) as bag:
            for k in range(20):
                header = make_header(TYPES, 1_700_000_000_000_000_000 + k * 33_000_000, "camera")
                bag.write("/image", encode_image(PICTURE, header, bag.types), header_stamp(header))
                bag.write("/camera_info", pinhole_to_camera_info(CAMERA, header, bag.types), header_stamp(header))
        return next((folder / "sound").glob(f"*{suffix}"))

    return make


def header_stamp(header: Any) -> int:
    """Nanoseconds."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def _bag_reader(checked: bool) -> Callable[[Path], Read]:
    def reader(sound: Path) -> Read:
        with BagReader(sound) as bag:
            known = {(topic.name, time, data) for topic, time, data in bag.raw()}

        def read(path: Path) -> None:
            with BagReader(path) as bag:
                found = list(bag.raw())
                if checked:
                    for topic, time, data in found:
                        expect((topic.name, time, data) in known, f"a message of {topic.name} that was never recorded")
                for _ in bag.frames(on_problem=lambda problem: str(problem)):
                    pass

        return read

    return reader


def _network() -> Hoisdf:
    torch.manual_seed(0)
    return Hoisdf(NetworkConfig.from_mapping(SMALL), HandLayer(load_hand_model()))


def _safetensors(folder: Path) -> Path:
    save_network(_network(), NetworkConfig.from_mapping(SMALL), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def _snapshot(folder: Path) -> Path:
    state = {f"network.{name}": tensor for name, tensor in _network().state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3, "callbacks": {}}, folder / "run.ckpt")
    return folder / "run.ckpt"


def _weights(read_state: Callable[[Path], dict[str, torch.Tensor]], checked: bool) -> Callable[[Path], Read]:
    def reader(sound: Path) -> Read:
        known = read_state(sound)

        def read(path: Path) -> None:
            state = read_state(path)
            for name, tensor in state.items():
                expect(not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()), f"{name} isn't finite")
                expect(not checked or torch.equal(tensor, known[name]), f"{name} isn't what was saved")

        return read

    return reader


def _hand_npz(folder: Path) -> Path:
    return Path(shutil.copy(ASSETS / "open_hand_right.npz", folder))


def _hand_pkl(folder: Path) -> Path:
    with np.load(ASSETS / "open_hand_right.npz") as stored:
        arrays = {key: stored[key] for key in stored.files}
    (folder / "HAND_RIGHT.pkl").write_bytes(pickle.dumps(arrays, 2))
    return folder / "HAND_RIGHT.pkl"


def _hand(checked: bool) -> Callable[[Path], Read]:
    def reader(sound: Path) -> Read:
        known = load_hand_model(sound)

        def read(path: Path) -> None:
            model = load_hand_model(path)
            expect(np.isfinite(model.v_template).all(), "vertices that aren't finite")
            expect(model.faces.max() < 778 and model.faces.min() >= 0, "faces of vertices that aren't there")
            expect(not checked or model.hash == known.hash, "another hand than was saved")

        return read

    return reader


def _mesh(suffix: str) -> Make:
    def make(folder: Path) -> Path:
        mesh = trimesh.creation.icosphere(2, 0.05)
        if suffix == "_ascii.stl":
            (folder / "m.stl").write_text(trimesh.exchange.stl.export_stl_ascii(mesh))
            return folder / "m.stl"
        mesh.export(folder / f"m{suffix}")
        return folder / f"m{suffix}"

    return make


def _meshes(sound: Path) -> Read:
    def read(path: Path) -> None:
        mesh = read_mesh(path)
        expect(np.isfinite(mesh.vertices).all() and len(mesh.faces), "vertices that aren't finite")
        expect(mesh.faces.max() < len(mesh.vertices), "faces of vertices that aren't there")

    return read


CAMERAS = {
    "echo": "header:\n  stamp: {sec: 1, nanosec: 2}\n  frame_id: camera\nheight: 48\nwidth: 64\n"
    "distortion_model: plumb_bob\n"
    "d: [0.1, -0.05, 0.001, 0.0, 0.0]\nk: [60.0, 0.0, 31.5, 0.0, 61.0, 23.5, 0.0, 0.0, 1.0]\n"
    "r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]\n"
    "p: [60.0, 0.0, 31.5, 0.0, 0.0, 61.0, 23.5, 0.0, 0.0, 0.0, 1.0, 0.0]\nbinning_x: 0\nbinning_y: 0\n"
    "roi: {x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false}\n---\n",
    "Kalibr": "cam0:\n  camera_model: pinhole\n  distortion_model: radtan\n"
    "  distortion_coeffs: [0.1, -0.05, 0.001, 0.0]\n"
    "  intrinsics: [60.0, 61.0, 31.5, 23.5]\n  resolution: [64, 48]\n  rostopic: /image\n",
    "RealSense": json.dumps({"fx": 60.0, "fy": 61.0, "ppx": 31.5, "ppy": 23.5, "width": 64, "height": 48,
                             "model": "brown_conrady", "coeffs": [0.1, -0.05, 0.001, 0.0, 0.0]}, indent=1),
    "Open3D": json.dumps({"width": 64, "height": 48, "intrinsic_matrix": [60, 0, 0, 0, 61, 0, 31, 23, 1]}, indent=1),
    "plain": "fx: 60.0\nfy: 61.0\ncx: 31.5\ncy: 23.5\nwidth: 64\nheight: 48\ndistortion: [0.1, 0.0, 0.0, 0.0, 0.0]\n",
}  # fmt: skip


def _camera(kind: str) -> Make:
    def make(folder: Path) -> Path:
        if kind == "ROS":
            write_camera(folder / "camera.yaml", CAMERA)
        else:
            (folder / "camera.yaml").write_text(CAMERAS[kind])
        return folder / "camera.yaml"

    return make


def _reads_camera(sound: Path) -> Read:
    def read(path: Path) -> None:
        camera = read_camera(path)
        expect(np.isfinite([camera.fx, camera.fy, camera.cx, camera.cy, *camera.distortion]).all(), "not finite")
        expect(camera.width >= 0 and camera.height >= 0, f"a size of {camera.width}x{camera.height}")

    return read


def _copied(source: Path) -> Make:
    return lambda folder: Path(shutil.copy(source, folder / f"sound{source.suffix}"))


def _picture(suffix: str) -> Make:
    def make(folder: Path) -> Path:
        cv2.imwrite(str(folder / f"p{suffix}"), PICTURE)
        return folder / f"p{suffix}"

    return make


def _depth_picture(folder: Path) -> Path:
    cv2.imwrite(str(folder / "d.png"), (DEPTH * 1000).astype(np.uint16))
    return folder / "d.png"


def _pictures(readers: tuple[Callable[[Path], Any], ...]) -> Callable[[Path], Read]:
    def reader(sound: Path) -> Read:
        def read(path: Path) -> None:
            said = []
            for one in readers:
                try:
                    picture = one(path)
                    expect(picture.ndim in (2, 3) and picture.size, "no picture")
                    content = path.read_bytes()
                    expect(
                        not content.startswith(b"\x89PNG") or png_is_sound(content), f"{one.__name__}: a bad checksum"
                    )
                except HoisdfError as error:
                    said.append(error)
            if said:
                raise said[0]

        return read

    return reader


def _video(folder: Path) -> Path:
    writer = cv2.VideoWriter(str(folder / "v.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for k in range(12):
        writer.write(np.roll(PICTURE, k, 1))
    writer.release()
    return folder / "v.mp4"


def _videos(sound: Path) -> Read:
    def read(path: Path) -> None:
        source = open_video(path)
        count = 0
        while source.read() is not None:
            count += 1
            expect(count <= 2000, "no end")
        source.close()

    return read


def _shard(folder: Path) -> Path:
    frame = LabelledFrame(PICTURE, CAMERA, None, None, None, None)
    for number in begin(folder, 3, 3, {"seed": 1}):
        write_shard(folder, number, 3, 3, lambda index: (frame, {}))
    return folder / "00000.tar"


def _shards(sound: Path) -> Read:
    expected = ShardedFrames(sound.parent).frame(1).image
    for other in ("dataset.json", "00000.sha256"):
        assert (sound.parent / other).is_file()

    def read(path: Path) -> None:
        for other in ("dataset.json", "00000.sha256"):
            shutil.copy(sound.parent / other, path.parent)
        _contents.cache_clear()
        shutil.move(path, path.parent / "00000.tar")
        expect(np.array_equal(ShardedFrames(path.parent).frame(1).image, expected), "another picture")

    return read


def _unsummed(folder: Path) -> Path:
    """A tar file that fits its checksum whatever is in it."""
    return _shard(folder)


def _unsummed_shards(sound: Path) -> Read:
    import hashlib

    def read(path: Path) -> None:
        shutil.copy(sound.parent / "dataset.json", path.parent)
        (path.parent / "00000.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
        _contents.cache_clear()
        shutil.move(path, path.parent / "00000.tar")
        frame = ShardedFrames(path.parent).frame(1)
        expect(frame.image.ndim == 3, "no picture")

    return read


def _manifest(folder: Path) -> Path:
    _shard(folder)
    return folder / "dataset.json"


def _manifests(sound: Path) -> Read:
    def read(path: Path) -> None:
        for other in ("00000.tar", "00000.sha256"):
            shutil.copy(sound.parent / other, path.parent)
        shutil.move(path, path.parent / "dataset.json")
        ShardedFrames(path.parent).frame(0)

    return read


def _library(sound: Path) -> Read:
    known = load_library(sound)

    def read(path: Path) -> None:
        expect(len(load_library(path)) == len(known), "another number of grasps")

    return read


def _tracker(folder: Path) -> Path:
    return Path(shutil.copy(shipped_tracker(), folder / "tracker.safetensors"))


def _trackers(sound: Path) -> Read:
    def read(path: Path) -> None:
        for network in load_tracker_networks(path):
            expect(all(bool(torch.isfinite(p).all()) for p in network.parameters()), "weights that aren't finite")

    return read


GRASP = """format: hoisdf-grasp/1
object: 025_mug
gripper: generic
mode: imitate
position: [0.1, 0.0, 0.02]
orientation: [0.0, 0.0, 0.0, 1.0]
width: 0.05
score: 0.8
spread: {position: [0.001, 0.001, 0.001], rotation: [0.01, 0.01, 0.01], width: 0.001}
frames: {seen: 10, used: 8}
contacts: {thumb: {surface: 0.001, point: [0.0, 0.0, 0.0], normal: [1.0, 0.0, 0.0]}}
"""
RECORD = """version: 1
name: NAME
source: mug.obj
source_sha256: "00"
unit: m
scale: 1.0
symmetry: {center: [0.0, 0.0, 0.0], axis: [0.0, 0.0, 1.0], turns: [{axis: [0, 0, 1], fold: 2}], texture_too: false}
colour: [10, 20, 30]
mesh_sha256: "00"
surface_sha256: "00"
changes: [closed]
"""


def _written(content: str, name: str = "sound.yaml") -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_text(content.replace("NAME", "case"))
        return folder / name

    return make


def _reads(function: Callable[[Path], Any]) -> Callable[[Path], Read]:
    return lambda sound: lambda path: function(path) and None


def _recipe_with_change(path: Path) -> None:
    """The file's lines as changes on the command line."""
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    read_config(None, [line.strip().replace(": ", "=", 1) for line in lines[:3]])


CHANGES = "optimiser.name: adamw\ndata.sources.0.options.folder: runs/stills\ncurriculum.jitter: [0.1, 0.2]\n"

Kind = tuple[Make, Callable[[Path], Read], Callable[[bytes, Rng], bytes]]
KINDS: dict[str, Kind] = {
    "bag, MCAP": (_bag(".mcap"), _bag_reader(True), damaged),
    "bag, SQLite": (_bag(".db3"), _bag_reader(False), damaged),
    "weights, safetensors": (_safetensors, _weights(lambda path: read_weights(path).state, False), damaged),
    "checkpoint, ckpt": (_snapshot, _weights(starting_weights, True), damaged),
    "hand model, npz": (_hand_npz, _hand(True), damaged),
    "hand model, pkl": (_hand_pkl, _hand(False), damaged),
    "mesh, obj": (_mesh(".obj"), _meshes, damaged_text),
    "mesh, ply": (_mesh(".ply"), _meshes, damaged),
    "mesh, stl": (_mesh(".stl"), _meshes, damaged),
    "mesh, stl as text": (_mesh("_ascii.stl"), _meshes, damaged_text),
    "mesh, glb": (_mesh(".glb"), _meshes, damaged),
    **{f"camera, {kind}": (_camera(kind), _reads_camera, damaged_text) for kind in ("ROS", *CAMERAS)},
    "training recipe": (_copied(ASSETS / "training" / "shipped.yaml"), _reads(read_config), damaged_text),
    "training changes": (_written(CHANGES), _reads(_recipe_with_change), damaged_text),
    "gripper": (_copied(ASSETS / "grippers/robotiq_2f_85.yaml"), _reads(load_gripper), damaged_text),
    "recorded grasp": (_written(GRASP), _reads(read_grasp), damaged_text),
    "object record": (_written(RECORD, "object.yaml"), _reads(read_record), damaged_text),
    "mean pose": (_copied(ASSETS / "mean_pose.yaml"), _reads(read_mean_pose), damaged_text),
    "image, JPEG": (_picture(".jpg"), _pictures((read_image, read_rgb)), damaged),
    "image, PNG": (_picture(".png"), _pictures((read_image, read_rgb)), damaged),
    "image, WebP": (_picture(".webp"), _pictures((read_image,)), damaged),
    "image, depth PNG": (_depth_picture, _pictures((read_depth,)), damaged),
    "video": (_video, _videos, damaged),
    "shard": (_shard, _shards, damaged),
    "shard, its sum renewed": (_unsummed, _unsummed_shards, damaged),
    "manifest of shards": (_manifest, _manifests, damaged_text),
    "grasp library": (_copied(ASSETS / "benchmark_grasps.npz"), _library, damaged),
    "hand tracker": (_tracker, _trackers, damaged),
}  # fmt: skip


def kinds(folder: Path, only: str = "") -> dict[str, Callable[[Rng], None]]:
    """A function for each kind that damages a copy of its sound file and reads it."""
    return {
        name: _case(folder / re.sub(r"\W+", "_", name), *kind)
        for name, kind in KINDS.items()
        if only.lower() in name.lower()
    }


def _case(folder: Path, make: Make, reader: Callable[[Path], Read], damage: Callable[[bytes, Rng], bytes]) -> Any:
    (folder / "made").mkdir(parents=True)
    sound = make(folder / "made")
    content, read = sound.read_bytes(), reader(sound)

    def case(rng: Rng) -> None:
        shutil.rmtree(folder / "case", ignore_errors=True)
        (folder / "case").mkdir()
        path = folder / "case" / sound.name
        path.write_bytes(damage(content, rng))
        read(path)

    return case
