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

"""The mailbox holds the newest item; the inference thread works on one at a time."""

import threading
import time

from hoisdf_ros.stream.inference_thread import InferenceThread
from hoisdf_ros.stream.mailbox import Mailbox


def test_a_newer_item_replaces_the_one_that_waits():
    mailbox = Mailbox()
    assert mailbox.put(1) is None
    assert mailbox.put(2) == 1
    assert mailbox.take() == 2
    assert mailbox.put(3) is None


def test_closing_wakes_the_taker_and_refuses_what_comes_later():
    mailbox, taken = Mailbox(), []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    mailbox.close()
    thread.join(5)
    assert taken == [None]
    assert mailbox.put(1) == 1


def test_clearing_gives_back_what_was_waiting():
    mailbox = Mailbox()
    mailbox.put(1)
    assert mailbox.clear() == 1
    assert mailbox.clear() is None


def test_a_slow_consumer_gets_the_newest_of_a_fast_producer_and_every_item_is_accounted_for():
    done, started, release = [], threading.Event(), threading.Event()

    def process(item):
        started.set()
        release.wait(5)
        done.append(item)

    worker = InferenceThread(process)
    worker.mailbox.put(0)
    assert started.wait(5)
    replaced = [worker.mailbox.put(i) for i in range(1, 100)]
    release.set()
    deadline = time.monotonic() + 5
    while len(done) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert worker.stop(5)
    assert done == [0, 99]
    assert replaced == [None, *range(1, 99)]
