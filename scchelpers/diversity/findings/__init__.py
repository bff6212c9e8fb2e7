"""What the measures mean, in sentences computed from them."""

from scchelpers.diversity.findings.measured import (
    classes,
    coverage,
    curve,
    others,
    peak,
    placement,
)
from scchelpers.diversity.findings.tested import answer, design, fit, unseen

__all__ = [
    "answer",
    "classes",
    "coverage",
    "curve",
    "design",
    "fit",
    "others",
    "peak",
    "placement",
    "unseen",
]
