"""Motion blur as a shaking hand gives it: pairs of a blurred and a sharp picture, for networks that learn to deblur.

A picture goes through four files: :mod:`~imtrans.data.prepare.blur.trajectory` draws the way of the camera,
:mod:`~imtrans.data.prepare.blur.kernel` makes a point spread function of it,
:mod:`~imtrans.data.prepare.blur.convolution` blurs with that, and :mod:`~imtrans.data.prepare.blur.pairs` says how
often and where; :mod:`~imtrans.data.prepare.blur.files` does so for a folder.
"""
