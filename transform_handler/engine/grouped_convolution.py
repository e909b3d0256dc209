"""The positional convolution as matrix products: GPU libraries are slow at few, wide groups."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Output frames that one product makes. More would share more of the input, and multiply by zero
# more often: (127 + 8) / 128 times the work with a kernel of 128.
FRAMES_AT_ONCE = 8


class GroupedConvolution(nn.Conv1d):
    """A ``Conv1d`` of stride one that answers as it would, up to rounding.

    Eight neighbouring frames of a group depend on ``kernel + 7`` input frames. Their filters, each
    a frame further down, make one matrix for each group, with zeros in its corners.
    """

    @staticmethod
    def fits(original: nn.Conv1d) -> bool:
        """Whether a convolution is one whose place this can take, and is worth it."""
        plain = original.stride == (1,) == original.dilation
        return plain and original.kernel_size[0] > 1 and 1 < original.groups < original.in_channels

    @classmethod
    def of(cls, original: nn.Conv1d) -> GroupedConvolution:
        """The same convolution; ``original`` has stride and dilation one."""
        made = cls(
            original.in_channels,
            original.out_channels,
            original.kernel_size[0],
            padding=int(original.padding[0]),
            groups=original.groups,
            bias=original.bias is not None,
            device="meta",
        )
        made.weight, made.bias = original.weight, original.bias
        made.filters = nn.Parameter(_filters(original), requires_grad=False)
        return made

    filters: nn.Parameter  # shape (n_groups, (kernel + 7) * width, 8 * width)

    def forward(self, frames: Tensor) -> Tensor:
        """Shape (n_windows, n_channels, n_frames), as long as ``Conv1d`` makes it."""
        windows, _, length = frames.shape
        kernel, margin = self.kernel_size[0], int(self.padding[0])
        found = length + 2 * margin - kernel + 1
        blocks = -(-found // FRAMES_AT_ONCE)
        missing = (blocks - 1) * FRAMES_AT_ONCE + kernel + FRAMES_AT_ONCE - 1 - length - margin
        rows = nn.functional.pad(frames.transpose(1, 2), (0, 0, margin, missing))
        rows = rows.view(windows, -1, self.groups, self.in_channels // self.groups)
        seen = rows.unfold(1, kernel + FRAMES_AT_ONCE - 1, FRAMES_AT_ONCE)
        # (group, window and block, input frame and channel)
        stretches = seen.permute(2, 0, 1, 4, 3).reshape(self.groups, windows * blocks, -1)
        made = torch.bmm(stretches, self.filters)
        made = made.view(self.groups, windows, blocks * FRAMES_AT_ONCE, -1)
        answer: Tensor = made.permute(1, 2, 0, 3).reshape(windows, -1, self.out_channels)
        answer = answer[:, :found]
        if self.bias is not None:
            answer = answer + self.bias
        return answer.transpose(1, 2)


def _filters(convolution: nn.Conv1d) -> Tensor:
    """Shape (n_groups, (kernel + 7) * width in, 8 * width out)."""
    groups, kernel = convolution.groups, convolution.kernel_size[0]
    width_in = convolution.in_channels // groups
    width_out = convolution.out_channels // groups
    taps = convolution.weight.detach().view(groups, width_out, width_in, kernel)
    taps = taps.permute(0, 3, 2, 1)
    made = taps.new_zeros(groups, kernel + FRAMES_AT_ONCE - 1, width_in, FRAMES_AT_ONCE, width_out)
    for place in range(FRAMES_AT_ONCE):
        made[:, place : place + kernel, :, place] = taps
    return made.reshape(groups, -1, FRAMES_AT_ONCE * width_out)
