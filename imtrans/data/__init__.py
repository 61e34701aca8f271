"""Pictures and data sets: what goes into the networks and what comes out of them."""
