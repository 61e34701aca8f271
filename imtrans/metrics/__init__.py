"""How good a translation is, in numbers. Every metric takes pictures as floats (N, 3, H, W) from 0 to 1.

The measures:

* :mod:`imtrans.metrics.pairwise`: PSNR, SSIM, MS-SSIM and L1 of a result and its target.
* :mod:`imtrans.metrics.distances`: FID and KID of two sets, on the features of a network.
* :mod:`imtrans.metrics.networks`: those networks, and LPIPS.
* :mod:`imtrans.metrics.domain`: does an independently trained classifier take the pictures for the target domain?
* :mod:`imtrans.metrics.cycle`: how much does the way there and back change a picture?
* :mod:`imtrans.metrics.checkerboard`: how much of the decoder's own lattice is in the pictures?

And what brings them to pictures:

* :mod:`imtrans.metrics.scores`: the metrics by name, and what a measured number says of itself.
* :mod:`imtrans.metrics.tools`: settings -> the networks that are needed.
* :mod:`imtrans.metrics.planning`, :mod:`imtrans.metrics.matching`: folders -> which picture is compared with which.
* :mod:`imtrans.metrics.measure`: batches in, scores out; the same for doing nothing.
* :mod:`imtrans.metrics.running`: files through a translator into a measurement.
* :mod:`imtrans.metrics.evaluator`, :mod:`imtrans.metrics.held_out`: the same during training.
"""
