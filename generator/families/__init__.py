"""Families of generators, one file each: the network, its losses, how it is trained."""
