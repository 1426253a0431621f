"""A copy of a collection's vectors in Milvus, which searches it."""
