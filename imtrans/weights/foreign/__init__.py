"""Checkpoints of other projects: what they call things, and how that comes to be what the models' authors call them.

arrays     a pickle of NumPy arrays -> tensors; nothing in it is imported or called
paddle     PaddleGAN: parameters by Paddle's names, linear layers the other way round
mmagic     mmagic and mmgen: convolutions wrapped in modules, networks trained on BGR
layouts    asks each of them in turn
"""
