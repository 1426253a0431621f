"""The web page of `mindseye serve`: templates, modules of plain JavaScript, style."""
