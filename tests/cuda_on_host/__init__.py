"""CuPy itself where there is no GPU: a CUDA whose devices are the host.

CuPy is the one that `pip` installs, none of it is changed. What it asks of CUDA is answered here: the runtime
and the driver in the host's memory (`runtime.py`), cuBLAS by plain loops (`products.cpp`). Each kernel that
CuPy launches, the engine's and its own, is run from the source that CuPy would hand to NVRTC (`kernels.py`,
`launch.h`), and its source is kept, to be compiled by NVRTC for devices (`nvrtc.py`).

Types, shapes, strides, signatures, devices, conversions, promotion are therefore CuPy's own. What it cannot
show is what only a GPU knows: its libraries' numbers, its rounding, its speed, what is asynchronous.
"""
