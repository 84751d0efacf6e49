#!/usr/bin/env python3
"""Trains the shapes model from scratch on generated scenes and writes it as ONNX.

    node models/shapes/generate.mjs --out DIR --count 16000 --seeds train
    python models/shapes/train.py DIR --steps 4000 --threads 2 --bf16 --out shapes.onnx

One cell in 8x8 pixels predicts six class scores (centre heat map with focal loss, as in CenterNet) and the distances to
the four sides of a box (GIoU loss). Decoding is part of the graph.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SIDE, STRIDE, CLASSES = 256, 8, 6
GRID = SIDE // STRIDE
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true", help="faster on processors that have it (AMX, AVX512-BF16)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "shapes.onnx")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)

    images = np.memmap(options.scenes / "images.u8", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
    objects = [np.array(o, np.float32).reshape(-1, 5) for o in json.loads((options.scenes / "objects.json").read_text())]
    net, average = Net(), Net()
    average.load_state_dict(net.state_dict())
    train(net, average, images, objects, options)
    export(average, options.out)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Net(nn.Module):
    """About 400,000 weights: a small pyramid to strides 8, 16 and 32, added up at 8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, stride=2), conv(16, 24, stride=2))
        self.at8 = nn.Sequential(conv(24, 48, stride=2), conv(48, 48))
        self.at16 = nn.Sequential(conv(48, 64, stride=2), conv(64, 64))
        self.at32 = nn.Sequential(conv(64, 96, stride=2), conv(96, 96), conv(96, 96))
        self.from32, self.from16 = conv(96, 64, 1), conv(64, 48, 1)
        self.head = nn.Sequential(conv(48, 64), conv(64, 64))
        self.scores, self.sides = nn.Conv2d(64, CLASSES, 1), nn.Conv2d(64, 4, 1)
        nn.init.constant_(self.scores.bias, -4.0)
        centres = torch.arange(GRID).float() * STRIDE + STRIDE / 2
        self.register_buffer("x", centres.repeat(GRID)[None], persistent=False)
        self.register_buffer("y", centres.repeat_interleave(GRID)[None], persistent=False)

    def raw(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = (images.permute(0, 3, 1, 2).float() - 127.5) / 64.0
        at8 = self.at8(self.stem(x))
        at16 = self.at16(at8)
        at16 = at16 + F.interpolate(self.from32(self.at32(at16)), scale_factor=2.0, mode="nearest")
        features = self.head(at8 + F.interpolate(self.from16(at16), scale_factor=2.0, mode="nearest"))
        scores, sides = self.scores(features), self.sides(features)
        return scores.flatten(2).transpose(1, 2), sides.flatten(2).transpose(1, 2)

    def boxes(self, sides: torch.Tensor) -> torch.Tensor:
        s = torch.exp(sides.clamp(-4, 4)) * 16
        return torch.stack([self.x - s[..., 0], self.y - s[..., 1], self.x + s[..., 2], self.y + s[..., 3]], -1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores, sides = self.raw(images)
        return self.boxes(sides).clamp(0, SIDE), scores.sigmoid()


def train(net: Net, average: Net, images: np.ndarray, objects: list, options: argparse.Namespace) -> None:
    rng = np.random.default_rng(options.seed)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-4)
    net.train()
    start = time.time()
    for step in range(1, options.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, step / 200) * (1 - step / (options.steps + 1)) ** 0.9
        x, heat, boxes, inside = batch(images, objects, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            scores, sides = (output.float() for output in net.raw(x))
        p = scores.sigmoid().clamp(1e-4, 1 - 1e-4)
        peak = heat.eq(1)
        missed = -(torch.log(p) * (1 - p) ** 2)[peak].sum()
        false = -(torch.log(1 - p) * p**2 * (1 - heat) ** 4)[~peak].sum()
        focal = (missed + false) / peak.sum().clamp(1)
        overlap = (1 - giou(net.boxes(sides)[inside], boxes[inside])).mean() if inside.any() else torch.zeros(())
        optimizer.zero_grad()
        (focal + 2 * overlap).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        follow(average, net, min(0.998, step / (step + 10)))
        if step % 100 == 0:
            print(f"step {step}  {time.time() - start:.0f} s  focal {focal.item():.3f}  giou {overlap.item():.3f}", flush=True)
    print(f"{options.steps} steps of {BATCH} scenes, {sum(p.numel() for p in net.parameters())} weights")


@torch.no_grad()
def follow(average: Net, net: Net, keep: float) -> None:
    """The exponential average of the weights is what is exported: steadier than the last step."""
    for mine, theirs in zip(average.state_dict().values(), net.state_dict().values()):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - keep)
        else:
            mine.copy_(theirs)


def batch(images: np.ndarray, objects: list, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Random scenes, mirrored and transposed at random: every shape stays what it is, whichever way it lies."""
    chosen = rng.integers(0, len(images), BATCH)
    x = np.empty((BATCH, SIDE, SIDE, 3), np.uint8)
    made = []
    for row, index in enumerate(chosen):
        image, found = images[index], objects[index].copy()
        if rng.random() < 0.5:
            image, found[:, [1, 3]] = image[:, ::-1], SIDE - found[:, [3, 1]]
        if rng.random() < 0.5:
            image, found[:, [2, 4]] = image[::-1], SIDE - found[:, [4, 2]]
        if rng.random() < 0.5:
            image, found = image.transpose(1, 0, 2), found[:, [0, 2, 1, 4, 3]]
        x[row] = image
        made.append(targets(found))
    heat, boxes, inside = (torch.from_numpy(np.stack(part)) for part in zip(*made))
    return torch.from_numpy(x), heat, boxes, inside


CELL_Y, CELL_X = (c * STRIDE + STRIDE / 2 for c in np.divmod(np.arange(GRID * GRID), GRID))


def targets(objects: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each cell: how near it is to a centre of each class (1 at one), the box it answers for, and whether it does."""
    heat = np.zeros((GRID * GRID, CLASSES), np.float32)
    boxes = np.zeros((GRID * GRID, 4), np.float32)
    inside = np.zeros(GRID * GRID, bool)
    for c, x0, y0, x1, y1 in objects:
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        spread_x, spread_y = max((x1 - x0) / 12, 4.0), max((y1 - y0) / 12, 4.0)
        near = np.exp(-((CELL_X - cx) ** 2 / (2 * spread_x**2) + (CELL_Y - cy) ** 2 / (2 * spread_y**2)))
        centre = min(GRID - 1, int(cy // STRIDE)) * GRID + min(GRID - 1, int(cx // STRIDE))
        near[centre] = 1.0
        heat[:, int(c)] = np.maximum(heat[:, int(c)], near)
        mine = (near > 0.4) & (CELL_X > x0) & (CELL_X < x1) & (CELL_Y > y0) & (CELL_Y < y1)
        mine[centre] = True
        boxes[mine] = (x0, y0, x1, y1)
        inside |= mine
    return heat, boxes, inside


def giou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    shared = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(0).prod(1)
    around = (torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])).prod(1) + 1e-6
    union = (a[:, 2:] - a[:, :2]).clamp(0).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared + 1e-6
    return shared / union - (around - union) / around


def export(net: Net, path: Path) -> None:
    net.eval()
    example = torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8)
    names = {"input_names": ["images"], "output_names": ["boxes", "scores"]}
    axes = {name: {0: "n"} for name in ["images", "boxes", "scores"]}
    torch.onnx.export(net, (example,), str(path), **names, dynamic_axes=axes, opset_version=17, dynamo=False)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
