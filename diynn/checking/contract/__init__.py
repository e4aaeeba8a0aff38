"""What is asked of a module or a loss: the kinds there are, the trials they are put to, the properties they must have."""
