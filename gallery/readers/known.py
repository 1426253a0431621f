"""The readers and packaged sets by name, without importing any: help texts need no more."""

READERS = {  # name: the module whose `read` reads it, imported when it is asked for
    "cas-peal": "gallery.readers.cas_peal",
    "celeba": "gallery.readers.celeba",
    "cfee": "gallery.readers.cfee",
    "cmu-faces": "gallery.readers.cmu_faces",
    "folder": "gallery.readers.folder",
    "kdef": "gallery.readers.kdef",
    "multipie": "gallery.readers.multipie",
    "rafd": "gallery.readers.rafd",
    "studio": "gallery.readers.studio",
}
PACKAGED = {  # name: the module whose `read_mini` reads it
    "studio-mini": "gallery.readers.studio",
    "photographs-mini": "gallery.readers.photographs_mini",
}
