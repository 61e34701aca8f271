"""How good a translation is, in numbers. Every metric takes pictures as floats (N, 3, H, W) from 0 to 1.

* :mod:`imtrans.metrics.domain`: does an independently trained classifier take the pictures for the target domain?
* :mod:`imtrans.metrics.cycle`: how much does the way there and back change a picture?
* :mod:`imtrans.metrics.checkerboard`: how much of the decoder's own lattice is in the pictures?
"""
