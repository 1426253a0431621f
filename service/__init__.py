"""The HTTP service: an API and a page over collections, through the Python front door alone."""
