"""Google's MediaPipe as detector of faces and segmenter of people, with the models that its wheels carry.

Bazarevsky et al., "BlazeFace", 2019, and Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on
Mobile GPUs", 2019: 468 points of a face, of which the outline of the face and the eyebrows are used here. The library
is the optional extra ``faces``. Releases from 0.10.30 on come without models, and download nothing by themselves.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imtrans.data.prepare.faces.geometry import Face
from imtrans.errors import MissingExtraError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
JAW = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
EYES = (33, 263)
"""The points of the mesh that stand for iBUG's eyebrows, jaw and outer corners of the eyes."""

CONFIDENCE = 0.5
_LOOK = 1280
"""Pixels of the longer side of what the networks are shown; they shrink it to 256 or less themselves."""
_SAME = 0.3
"""Two boxes that share more than this of their union are one face."""


class MediaPipeFaces:
    """Finds faces in two steps: boxes by detectors for near and far, and in each box the mesh, which confirms it.

    Faces that are less than about a fifteenth of the picture high are looked for where no larger ones are.
    """

    def __init__(self) -> None:
        with _quietly():
            detection, mesh = _solution("face_detection").FaceDetection, _solution("face_mesh").FaceMesh
            self._detectors = [detection(model_selection=way, min_detection_confidence=CONFIDENCE) for way in (0, 1)]
            self._met = True
            self._mesh = mesh(static_image_mode=True, max_num_faces=1, min_detection_confidence=CONFIDENCE)
            self(Image.new("RGB", (256, 256)))  # the library greets at its first picture
        self._met = False  # and once more at its first face

    def __call__(self, image: Image.Image) -> list[Face]:
        """See :class:`imtrans.data.prepare.faces.tools.FaceDetector`."""
        whole = (0.0, 0.0, float(image.width), float(image.height))
        found = self._faces(image, [whole])
        return found or (self._faces(image, _windows(whole)) if min(image.size) >= 256 else [])

    def _faces(self, image: Image.Image, windows: list[Box]) -> list[Face]:
        boxes = _apart([box for window in windows for box in self._boxes(image, window)])
        meshes = [self._face(image, box) for box in boxes]
        faces = [face for face in meshes if face is not None]
        kept = _apart([_box_of(face) for face in faces])
        return [face for face in faces if _box_of(face) in kept]

    def _boxes(self, image: Image.Image, window: Box) -> list[Box]:
        pixels, boxes = _look(image, window), []
        left, top, right, bottom = window
        for detector in self._detectors:
            for detection in detector.process(pixels).detections or []:
                box = detection.location_data.relative_bounding_box
                x, y = left + box.xmin * (right - left), top + box.ymin * (bottom - top)
                boxes.append((x, y, x + box.width * (right - left), y + box.height * (bottom - top)))
        return boxes

    def _face(self, image: Image.Image, box: Box) -> Face | None:
        """The mesh in the surroundings of a box, if it agrees that there is a face."""
        left, top, right, bottom = box
        reach = max(right - left, bottom - top)
        x, y = (left + right) / 2, (top + bottom) / 2
        corner, side = (round(x - reach), round(y - reach)), max(2, round(2 * reach))
        # The mesh is true to scale in squares only; beyond the picture's edges they are black.
        near = image.crop((*corner, corner[0] + side, corner[1] + side))
        pixels = _look(near, (0.0, 0.0, float(side), float(side)))
        with contextlib.nullcontext() if self._met else _quietly():
            meshes = self._mesh.process(pixels).multi_face_landmarks
        if not meshes:
            return None
        self._met = True
        points = np.array([(point.x, point.y) for point in meshes[0].landmark]) * side + corner
        return Face(points[[*BROWS, *JAW]], points[[*EYES]])


class MediaPipePeople:
    """Separates people from what is behind them, at 256 x 256 pixels."""

    def __init__(self) -> None:
        with _quietly():
            self._network = _solution("selfie_segmentation").SelfieSegmentation(model_selection=0)
            self(Image.new("RGB", (256, 256)))

    def __call__(self, image: Image.Image) -> Image.Image:
        """See :class:`imtrans.data.prepare.faces.tools.Segmenter`."""
        shares = self._network.process(np.ascontiguousarray(image)).segmentation_mask
        return Image.fromarray(np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8))


# --- boxes ----------------------------------------------------------------------------------------------------------


def _look(image: Image.Image, box: Box) -> NDArray[np.uint8]:
    """A part of the picture as the networks are shown it."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(1.0, _LOOK / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.ascontiguousarray(image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=2.0))


def _windows(whole: Box) -> list[Box]:
    """Nine overlapping windows of half the width and height."""
    _, _, width, height = whole
    places = (0.0, 0.25, 0.5)
    return [(x * width, y * height, (x + 0.5) * width, (y + 0.5) * height) for y in places for x in places]


def _apart(boxes: list[Box]) -> list[Box]:
    """The boxes without those that show the same as a larger one."""
    kept: list[Box] = []
    for box in sorted(boxes, key=_area, reverse=True):
        if all(_shared(box, other) <= _SAME for other in kept):
            kept.append(box)
    return kept


def _box_of(face: Face) -> Box:
    (left, top), (right, bottom) = face.outline.min(axis=0).tolist(), face.outline.max(axis=0).tolist()
    return left, top, right, bottom


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: Box, other: Box) -> float:
    """Intersection over union."""
    common = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    return common / max(_area(one) + _area(other) - common, 1e-9)


# --- the library ----------------------------------------------------------------------------------------------------


def _solution(name: str) -> Any:
    """One of the library's ready-made solutions.

    Raises:
        MissingExtraError: the library is not there, or is a release without models.
    """
    try:
        importlib.import_module("mediapipe")
    except ImportError as error:
        raise MissingExtraError(
            f"finding faces needs the library mediapipe, which cannot be imported ({error}).",
            have=_have(),
            hint="Install it: pip install 'imtrans[faces]'. Or name a detector of your own with --detector.",
        ) from error
    try:
        return importlib.import_module(f"mediapipe.python.solutions.{name}")
    except ImportError as error:
        version = getattr(sys.modules["mediapipe"], "__version__", "of an unknown version")
        raise MissingExtraError(
            f"mediapipe {version} carries no models of faces ({error}).",
            have=f"Releases from 0.10.18 to 0.10.21 do. {_have()}".strip(),
            hint="Install one: pip install 'imtrans[faces]'. Or name a detector of your own with --detector.",
        ) from error


def _have() -> str:
    major, minor = platform.python_version_tuple()[:2]
    return f"They exist for Python 3.10 to 3.12, and this is {major}.{minor}." if int(minor) > 12 else ""


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the remarks that the library's native code writes straight to stderr while it starts."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)
