"""The contract of a module or a loss: its kinds, the trials, and the properties that are tested on them."""
