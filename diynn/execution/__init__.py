"""How the gradient of one batch is accumulated: one interface, and ways to do it."""

from diynn.execution.choice import EXECUTIONS, Definition, Execution, Threads, find_execution
from diynn.execution.serial import serial

__all__ = ["EXECUTIONS", "Definition", "Execution", "Threads", "find_execution", "serial"]
