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

"""A limited rate: how many are chosen of streams with jitter, gaps and jumps."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros
Time = pytest.importorskip("builtin_interfaces.msg").Time

from hoisdf_ros.perception.pace import Pace  # noqa: E402


def chosen(seconds, rate):
    pace = Pace()
    stamps = [divmod(round(at * 1e9), 10**9) for at in seconds]
    return np.array([pace.is_due(Time(sec=sec, nanosec=nanosec), rate) for sec, nanosec in stamps])


@pytest.mark.parametrize(
    ("camera", "rate", "wanted"), [(10, 10, 10), (30, 10, 10), (12, 10, 10), (15, 10, 10), (5, 10, 5)]
)
@pytest.mark.parametrize("start", [1000.0, 1000.05, 1000.0999])
def test_the_lower_of_two_rates_comes_out(camera, rate, wanted, start):
    jitter = np.random.default_rng(0).normal(0, 5e-4, 100 * camera)
    found = chosen(start + np.arange(100 * camera) / camera + jitter, rate).mean() * camera
    assert found == pytest.approx(wanted, rel=0.01)


def test_every_one_comes_without_a_limit_after_a_jump_back_and_where_time_stands_still():
    assert chosen([5, 5.001, 5.002], 0).all()
    assert chosen([5, 5.001, 4, 4.001], 1).tolist() == [True, False, True, False]
    assert chosen([7, 7, 7], 1).all(), "stamps that never change limit nothing"


def test_a_gap_is_made_up_for_by_one_at_most():
    seconds = np.concatenate([np.arange(10) / 30, 20 + np.arange(30) / 30])
    assert chosen(seconds, 10)[10:].sum() in (10, 11)
