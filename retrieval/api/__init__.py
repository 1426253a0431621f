"""The Python front door: the objects that `mindseye.py` hands out."""
