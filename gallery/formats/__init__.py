"""Image files: what they are, and what they say of themselves, read without decoding them."""
