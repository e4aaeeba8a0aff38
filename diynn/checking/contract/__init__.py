"""What is asked of a module or a loss: kinds, trials, and the properties that they must have."""
