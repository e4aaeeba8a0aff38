"""Executions: ways to compute the gradient of a batch and to take a step, behind one interface."""

from diynn.execution.accumulated import Accumulated
from diynn.execution.choice import EXECUTIONS, Definition, Execution, Threads, accumulated, find_execution
from diynn.execution.mpi import MPI
from diynn.execution.serial import serial

__all__ = [
    "EXECUTIONS",
    "MPI",
    "Accumulated",
    "Definition",
    "Execution",
    "Threads",
    "accumulated",
    "find_execution",
    "serial",
]
