"""The catalogue: what a collection holds, in a database."""
