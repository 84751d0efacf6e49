#!/usr/bin/env python3
"""Prints how well an ONNX file of the shapes model finds what is in generated scenes.

    node models/shapes/generate.mjs --out DIR --count 1000 --seeds held-out
    python models/shapes/evaluate.py DIR [models/shapes/shapes.onnx]
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

HERE = Path(__file__).parent
CLASSES = ["circle", "square", "triangle", "star", "cross", "ring"]
SIDE = 256
SCORE_THRESHOLD, IOU_THRESHOLD = 0.4, 0.5  # those of model.yaml
LOWEST_SCORE = 0.05  # where the curve of average precision ends


def main() -> None:
    folder = Path(sys.argv[1])
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "shapes.onnx"
    truth = json.loads((folder / "objects.json").read_text())
    images = np.memmap(folder / "images.u8", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
    found = detect(path, images)

    tp, fp, missed = count_at_threshold(found, truth)
    ap = {name: [average_precision(found, truth, c, t) for t in np.arange(0.5, 1, 0.05)] for c, name in enumerate(CLASSES)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}  {path.stat().st_size} bytes  sha256 {digest}")
    print(f"{len(truth)} scenes, {tp + missed} objects")
    print(f"at score {SCORE_THRESHOLD}: precision {tp / (tp + fp):.4f}  recall {tp / (tp + missed):.4f}")
    print(f"mAP50 {np.mean([a[0] for a in ap.values()]):.4f}  mAP50-95 {np.mean(list(ap.values())):.4f}")
    print("AP50 " + "  ".join(f"{name} {a[0]:.4f}" for name, a in ap.items()))


def detect(path: Path, images: np.ndarray) -> list[list[tuple[int, float, np.ndarray]]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = []
    for start in range(0, len(images), 16):
        boxes, scores = session.run(["boxes", "scores"], {"images": np.ascontiguousarray(images[start : start + 16])})
        found += [suppress(b, s) for b, s in zip(boxes, scores)]
    return found


def suppress(boxes: np.ndarray, scores: np.ndarray) -> list[tuple[int, float, np.ndarray]]:
    """Non-maximum suppression, class by class."""
    kept = []
    for c in range(len(CLASSES)):
        order = np.where(scores[:, c] > LOWEST_SCORE)[0]
        order = order[np.argsort(-scores[order, c])][:300]
        while len(order):
            best, order = order[0], order[1:]
            kept.append((c, float(scores[best, c]), boxes[best]))
            order = order[iou(boxes[best], boxes[order]) <= IOU_THRESHOLD]
    return sorted(kept, key=lambda d: -d[1])


def iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    width = np.clip(np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0]), 0, None)
    height = np.clip(np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1]), 0, None)
    shared = width * height
    area = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return shared / ((box[2] - box[0]) * (box[3] - box[1]) + area - shared + 1e-9)


def matched(box: np.ndarray, c: int, objects: list, used: set[int], least: float) -> bool:
    """Whether the box finds an object of the class that no better box has found; marks it as used."""
    free = [i for i, o in enumerate(objects) if o[0] == c and i not in used]
    if not free:
        return False
    overlaps = iou(box, np.array([objects[i][1:] for i in free]))
    best = int(overlaps.argmax())
    if overlaps[best] < least:
        return False
    used.add(free[best])
    return True


def count_at_threshold(found, truth) -> tuple[int, int, int]:
    tp = fp = missed = 0
    for detections, objects in zip(found, truth):
        used: set[int] = set()
        for c, score, box in detections:
            if score < SCORE_THRESHOLD:
                continue
            if matched(box, c, objects, used, 0.5):
                tp += 1
            else:
                fp += 1
        missed += len(objects) - len(used)
    return tp, fp, missed


def average_precision(found, truth, c: int, least: float) -> float:
    """Area under the precision-recall curve at 101 points, as COCO has it."""
    ranked = sorted(((s, i, b) for i, ds in enumerate(found) for k, s, b in ds if k == c), key=lambda d: -d[0])
    used = [set() for _ in truth]
    hits = np.cumsum([matched(box, c, truth[i], used[i], least) for _, i, box in ranked])
    total = sum(o[0] == c for objects in truth for o in objects)
    recall, precision = hits / total, hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.mean([best[i] if i < len(best) else 0.0 for i in at]))


if __name__ == "__main__":
    main()
