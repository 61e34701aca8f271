"""Networks that metrics look through, written with the keys of their published files.

* :mod:`imtrans.metrics.networks.inception`: Inception-v3 as FID and KID were defined with.
* :mod:`imtrans.metrics.networks.lpips`: AlexNet and VGG16 with the linear layers of LPIPS.
* :mod:`imtrans.metrics.networks.files`: their published files, held to their digests.
* :mod:`imtrans.metrics.networks.features`: any network that turns pictures into vectors, behind one name.
"""
