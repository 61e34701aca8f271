"""Find, download, verify and safely read checkpoints.

One module, one step of the way from a name to a network::

    store      a name or a path -> a file on this machine
    download   a URL -> a verified file, resumable
    digests    is this file the one that was published, or the one that came first?
    reader     a file -> tensors by key; nothing in it is ever executed
    pickles    what a pickle would import, told without reading it as a pickle
    nesting    where in a training checkpoint the network's tensors are
    layouts    keys as wrappers and older versions of PyTorch leave them -> keys as the network has them
    foreign    keys, values and pickles of other projects -> those of the models' authors
    identity   which model and configuration a file of ours says it holds
    recognition  which installed models tensors may be of, by the cards' recognisers
    fitting    do tensors fill a network, key by key?
    loading    all of these in turn: a card and a name -> a network
    writer     tensors -> a safetensors file, in one piece or not at all

And for files that nobody has introduced::

    inspection  what a file is, by whom, and what it takes to run it
    folders     the weights files of a training run, a checkpoint or any folder
    choosing    weights without a model's name -> the only model that they can be of
    converting  any checkpoint that loads -> safetensors with a manifest

Importing store, digests, download, identity, published, folders, choosing or pickles does not import torch.
"""
