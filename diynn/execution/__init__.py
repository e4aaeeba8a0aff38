"""How the gradient of one batch is accumulated: one interface, and ways to do it."""

from diynn.execution.graph import Graphs
from diynn.execution.plan import EXECUTIONS, Execution, Threads, find_execution
from diynn.execution.precision import in_precision
from diynn.execution.serial import serial

__all__ = ["EXECUTIONS", "Execution", "Graphs", "Threads", "find_execution", "in_precision", "serial"]
