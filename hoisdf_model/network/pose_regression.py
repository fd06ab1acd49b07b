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

"""Poses of hand and object from the transformers' outputs."""

from __future__ import annotations

import torch
from torch import Tensor

from hoisdf_model.hand import inverse_kinematics
from hoisdf_model.network.heads import VoteHead, Votes
from hoisdf_model.network.interface import LayerPredictions, NetworkOutput
from hoisdf_model.network.modules import NetworkModules
from hoisdf_model.network.stages import Attended, FieldPoints, RegressedHand, Tokens


class PoseRegression(NetworkModules):
    """Stage from the transformers' outputs to poses."""

    def regress(
        self,
        found: FieldPoints,
        tokens: Tokens,
        attended: Attended,
        maps: Tensor,
        voters: tuple[Tensor, Tensor] | None = None,
        guess: tuple[Tensor, Tensor] | None = None,
    ) -> NetworkOutput:
        """Poses from the transformers' outputs.

        Predictions of every layer that ``attended`` has come in ``layers``.

        ``voters``: landmarks that vote beside the hand's points, as from ``ContextTokens.voters``. ``guess``: of the
        object's pose, as from ``ObjectView``.
        """
        votes = None if self.vote_head is None else self._votes(self.vote_head, tokens, attended, voters)
        hand = self._hand(votes, attended.queries)
        object_rotations, object_translations = self.object_head(attended.object, guess)
        object_pose = self.object_head.pose(object_rotations[-1], object_translations[-1])
        count = tokens.hand_points.shape[1]
        offsets, logits, voted = (None, None, None) if votes is None else votes[:3]
        if offsets is not None and logits is not None:  # those of landmarks aren't compared one by one
            offsets, logits = offsets[:, :, :count], logits[:, :, :count]
        layers = LayerPredictions(offsets, logits, voted, *hand.layers, object_rotations, object_translations)
        return NetworkOutput(
            maps=maps,
            hand_points=found.hand.points,
            hand_sdf=None if self.explicit is not None else found.hand.sdf,
            hand_grid_index=found.hand.grid_index,
            object_points=found.object.points,
            object_sdf=None if self.explicit is not None else found.object.sdf,
            object_grid_index=found.object.grid_index,
            hand_points_object_sdf=tokens.hand_points_object_sdf,
            object_points_hand_sdf=tokens.object_points_hand_sdf,
            voted_joints=None if votes is None else votes.joints[-1],
            vote_spread=None if votes is None else votes.spread[-1],
            mano_rotations=hand.rotations,
            mano_shape=hand.shape,
            joints=hand.joints,
            vertices=hand.vertices,
            object_rotation=object_pose.rotation,
            object_translation=object_pose.translation,
            object_rotation_spread=object_pose.rotation_spread,
            object_translation_spread=object_pose.translation_spread,
            hand_valid=found.hand.valid if hand.reached is None else found.hand.valid & hand.reached,
            object_valid=found.object.valid,
            layers=layers,
        )

    def _votes(self, head: VoteHead, tokens: Tokens, attended: Attended, voters: tuple[Tensor, Tensor] | None) -> Votes:
        count = tokens.hand_points.shape[1]
        if voters is None:
            return head(attended.hand[:, :, :count], tokens.hand_points)
        positions, trust = voters
        landmarks = attended.hand[:, :, -positions.shape[1] :]  # the last of the context's tokens
        features = torch.cat([attended.hand[:, :, :count], landmarks], 2)
        points = torch.cat([tokens.hand_points, positions], 1)
        return head(features, points, torch.cat([trust.new_zeros(len(trust), count, trust.shape[2]), trust], 1))

    def _hand(self, votes: Votes | None, queries: Tensor | None) -> RegressedHand:
        """Hand from voted joints, from queries, or from both, as configured."""
        if self.shape_head is None or queries is None:
            assert votes is not None
            return RegressedHand(votes.joints[-1])
        shape = self.shape_head(queries[:, :, -1])
        if self.pose_head is not None:
            rotations = self.pose_head(queries)
            mesh = self.hand_layer(rotations.flatten(0, 1), shape.flatten(0, 1))
            joints, vertices = (x.unflatten(0, shape.shape[:2]) for x in mesh)
            layers = shape, rotations, joints, vertices
            return RegressedHand(joints[-1], vertices[-1], rotations[-1], shape[-1], None, layers)
        assert votes is not None
        solved, reached = inverse_kinematics(self.hand_layer, votes.joints[-1].detach(), shape[-1].detach())
        mesh = self.hand_layer(solved, shape[-1])
        return RegressedHand(mesh.joints, mesh.vertices, solved, shape[-1], reached, (shape, None, None, None))
