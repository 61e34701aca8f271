"""Find, download, verify and safely read checkpoints.

One module, one step of the way from a name to a network::

    store      a name or a path -> a file on this machine
    download   a URL -> a verified file, resumable
    digests    is this file the one that was published, or the one that came first?
    reader     a file -> tensors by key; nothing in it is ever executed
    pickles    what a pickle would import, told without reading it as a pickle
    nesting    where in a training checkpoint the network's tensors are
    layouts    keys as other projects wrap them -> keys as the network has them
    identity   which model and configuration a file of ours says it holds
    loading    all of these in turn: a card and a name -> a network
    writer     tensors -> a safetensors file, in one piece or not at all

Only reader, nesting, layouts, loading and writer import torch.
"""
