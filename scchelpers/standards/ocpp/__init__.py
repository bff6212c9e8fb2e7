"""OCPP 1.6, 2.0.1 and 2.1: a schedule as charging profiles, and checks beyond the schemas."""

from scchelpers.standards.ocpp.check import Capabilities, profile_faults
from scchelpers.standards.ocpp.export import as_ocpp
from scchelpers.standards.ocpp.profiles import Layer, layers
from scchelpers.standards.ocpp.stack import set_faults
from scchelpers.standards.ocpp.versions import VERSIONS, Version

__all__ = [
    "VERSIONS",
    "Capabilities",
    "Layer",
    "Version",
    "as_ocpp",
    "layers",
    "profile_faults",
    "set_faults",
]
