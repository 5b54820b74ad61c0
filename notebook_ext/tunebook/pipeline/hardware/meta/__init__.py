"""A training step on the meta device: the real modules and the real loss run without weights, and every storage is counted.

What is run is what transformers, peft and TRL run. Only what the meta device cannot do is stood in for: attention kernels
(attention.py), 4-bit weights (four_bit.py), autocast (autocast.py) and a few calls that refuse to run (mends.py).
"""
