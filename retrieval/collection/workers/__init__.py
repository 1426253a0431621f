"""Who embeds the images of a build: this process, others of this machine, or those of a cluster."""
