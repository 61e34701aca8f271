"""Running trained networks: one picture, or folders of them."""
